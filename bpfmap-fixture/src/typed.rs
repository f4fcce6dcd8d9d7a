//! The functions that generated tests call. Each function opens the map with the generated spec, so
//! that the generated types are tested as well.

use bpfmap::{Map, MapSpec};

use crate::declaration::Spec;
use crate::handle::{
    Delete, FilterValues, GiveUp, HoldCgroups, HoldCpus, HoldInterfaces, HoldMaps, HoldPrograms,
    HoldSockets, LookUp, OpenArena, ReadStacks, ShowIds, TakeIn, Update,
};
use crate::program;
use crate::records::{SendRecords, TakeCpuRecords, TakeRecords};
use crate::{
    Fixture, MapFixture, arena, ask, entry, events, filter, instructions, jump, redirect,
    reuseport, sockets, stacks, within,
};

/// Returns whether the running kernel refuses to create the map, as expected. In this case, the
/// test has no further steps.
///
/// # Panics
///
/// Panics if the kernel refuses a map that it should accept, accepts one that it should refuse, or
/// refuses it with an unexpected error.
#[must_use]
pub fn is_refused<S: MapSpec>(fixture: &MapFixture<'_>) -> bool {
    crate::is_refused_map(&Spec::<S>::NEW, fixture)
}

/// Tries each case of each operation on a separate map. On a kernel that refuses the map, compares
/// the errno with the facts table.
///
/// # Panics
///
/// Panics if the running kernel returns a result that the facts table does not allow, or if the map
/// can't be created. The function tries all cases before it panics.
pub fn answers<S: MapSpec>(fixture: &MapFixture<'_>) {
    crate::try_operations(&Spec::<S>::NEW, fixture);
}

/// Asserts that the verifier refuses the program that has the role `role` for the spec's map. The
/// program uses an operation that a flag of the map forbids.
///
/// # Panics
///
/// Panics if the kernel loads the program, or refuses it with an unexpected error.
pub fn program_is_refused<S: MapSpec>(object: &[u8], fixture: &MapFixture<'_>, role: &str) {
    program::program_is_refused(&Spec::<S>::NEW, object, fixture, role);
}

/// Asserts that the map contains the offsets of a program's instructions after the kernel has
/// loaded the program. Each entry contains two offsets: the offset in the program that the verifier
/// accepted, and the offset in the code that the JIT generated.
///
/// # Panics
///
/// Panics if an offset is wrong, or if the kernel refuses an operation.
pub fn finds_the_instructions_of_a_program<S>(fixture: &MapFixture<'_>)
where
    S: MapSpec,
    Map<S>: LookUp + Update,
{
    instructions::finds_the_instructions_of_a_program(&Spec::<S>::NEW, fixture);
}

/// Asserts that programs of the type `sched_cls` can insert a socket under another key and delete a
/// socket. On Linux 7.3 and newer, asserts that the kernel refuses these programs, because only
/// programs of other types can change maps of sockets. Source: `may_update_sockmap` in
/// `kernel/bpf/verifier.c`.
///
/// # Panics
///
/// Panics if a kernel before Linux 7.3 refuses the programs, or if Linux 7.3 or newer accepts them.
pub fn writes_sockets_in_program<S>(object: &[u8])
where
    S: MapSpec,
    Map<S>: HoldSockets,
{
    sockets::writes_sockets_in_program(&Spec::<S>::NEW, object);
}

impl Fixture {
    /// Asserts that user space reads, in each view, the entry that the program wrote.
    ///
    /// # Panics
    ///
    /// Panics if a member differs, or the program or the kernel fails.
    pub fn finds_what_the_program_wrote<S>(&self)
    where
        S: MapSpec,
        Map<S>: LookUp,
    {
        entry::finds_what_the_program_wrote(self, &self.map::<S>());
    }

    /// Asserts that the program reads, in each view, the entry that user space wrote.
    ///
    /// # Panics
    ///
    /// Panics if a byte differs, or the program or the kernel fails.
    pub fn writes_what_the_program_finds<S>(&self)
    where
        S: MapSpec,
        Map<S>: Update,
    {
        entry::writes_what_the_program_finds(self, &self.map::<S>());
    }

    /// Asserts that user space pops, in each view, the value that the program pushed.
    ///
    /// # Panics
    ///
    /// Panics if a member differs, or the program or the kernel fails.
    pub fn pops_what_the_program_pushed<S>(&self)
    where
        S: MapSpec,
        Map<S>: GiveUp,
    {
        entry::pops_what_the_program_pushed(self, &self.map::<S>());
    }

    /// Asserts that the program pops, in each view, the value that user space pushed.
    ///
    /// # Panics
    ///
    /// Panics if a byte differs, or the program or the kernel fails.
    pub fn pushes_what_the_program_pops<S>(&self)
    where
        S: MapSpec,
        Map<S>: TakeIn,
    {
        entry::pushes_what_the_program_pops(self, &self.map::<S>());
    }

    /// Asserts that the program peeks, in each view, at the value that user space pushed, and that
    /// user space then pops this value.
    ///
    /// # Panics
    ///
    /// Panics if a byte differs, or the program or the kernel fails.
    pub fn pushes_what_the_program_peeks<S>(&self)
    where
        S: MapSpec,
        Map<S>: TakeIn + GiveUp,
    {
        entry::pushes_what_the_program_peeks(self, &self.map::<S>());
    }

    /// Asserts that user space finds, in each view, the value that the program added. Before the
    /// first value is added, user space must find nothing.
    ///
    /// # Panics
    ///
    /// Panics if a value is not found, if an empty filter contains a value, or if the program or
    /// the kernel fails.
    pub fn finds_what_the_program_added<S>(&self)
    where
        S: MapSpec,
        Map<S>: FilterValues,
    {
        filter::finds_what_the_program_added(self, &self.map::<S>());
    }

    /// Asserts that the program finds, in each view, the value that user space added. Before the
    /// first value is added, the program must find nothing.
    ///
    /// # Panics
    ///
    /// Panics if a value is not found, if an empty filter contains a value, or if the kernel fails.
    pub fn adds_what_the_program_finds<S>(&self)
    where
        S: MapSpec,
        Map<S>: FilterValues,
    {
        filter::adds_what_the_program_finds(self, &self.map::<S>());
    }

    /// Asserts that user space reads, in each view, the two events that the program sent.
    ///
    /// # Panics
    ///
    /// Panics if a member differs, an event is missing, or the program or the kernel fails.
    pub fn reads_what_the_program_submitted<S>(&self)
    where
        S: MapSpec,
        Map<S>: TakeRecords,
    {
        events::reads_what_the_program_submitted(self, &self.map::<S>());
    }

    /// Asserts that user space reads, in each view, the event that the program sent to the ring of
    /// its CPU.
    ///
    /// # Panics
    ///
    /// Panics if a member differs, the event is missing, or the program or the kernel fails.
    pub fn reads_from_each_cpu<S>(&self)
    where
        S: MapSpec,
        Map<S>: TakeCpuRecords,
    {
        events::reads_from_each_cpu(self, &self.map::<S>());
    }

    /// Asserts that the program reads, in each view, the event that user space sent.
    ///
    /// # Panics
    ///
    /// Panics if a byte differs, or the program or the kernel fails.
    pub fn sends_what_the_program_drains<S>(&self)
    where
        S: MapSpec,
        Map<S>: SendRecords,
    {
        events::sends_what_the_program_drains(self, &self.map::<S>());
    }

    /// Asserts that a program can allocate a page, and that user space reads the words that the
    /// program wrote into the page.
    ///
    /// # Panics
    ///
    /// Panics if a word differs, or the program or the kernel fails.
    pub fn finds_in_the_arena_what_the_program_wrote<S>(&self)
    where
        S: MapSpec,
        Map<S>: OpenArena,
    {
        arena::finds_in_the_arena_what_the_program_wrote(self, &self.map::<S>());
    }

    /// Asserts that the program reads the words that user space wrote into a page.
    ///
    /// # Panics
    ///
    /// Panics if a word differs, or the program or the kernel fails.
    pub fn writes_into_the_arena_what_the_program_finds<S>(&self)
    where
        S: MapSpec,
        Map<S>: OpenArena,
    {
        arena::writes_into_the_arena_what_the_program_finds(self, &self.map::<S>());
    }

    /// Asserts that user space can access the last page of an arena, although no program has
    /// allocated this page. The kernel allocates the page on the first access.
    ///
    /// # Panics
    ///
    /// Panics if user space can't access the page.
    pub fn touches_a_page_that_no_program_has_allocated<S>(&self)
    where
        S: MapSpec,
        Map<S>: OpenArena,
    {
        arena::touches_a_page_that_no_program_has_allocated(self, &self.map::<S>());
    }

    /// Asserts that user space can't access the last page of an arena with `BPF_F_SEGV_ON_FAULT`
    /// before a program has allocated this page. The test lets the kernel access the page in a
    /// system call, because the system call returns EFAULT. An instruction of the process would
    /// cause SIGSEGV instead.
    ///
    /// # Panics
    ///
    /// Panics if user space can access the page before the program has allocated it, if user space
    /// can't access the page afterwards, or if the program fails.
    pub fn touches_no_page_before_a_program_allocates_it<S>(&self)
    where
        S: MapSpec,
        Map<S>: OpenArena,
    {
        arena::touches_no_page_before_a_program_allocates_it(self, &self.map::<S>());
    }

    /// Asserts that a program finds the test's own socket in the root cgroup, and does not find it
    /// in another cgroup. Also asserts that the program gets the right errors for an empty slot and
    /// for an index out of range.
    ///
    /// # Panics
    ///
    /// Panics if the program returns an unexpected result, or if the kernel refuses an operation.
    pub fn tells_the_cgroup_that_user_space_says<S>(&self)
    where
        S: MapSpec,
        Map<S>: HoldCgroups,
    {
        ask::tells_the_cgroup_that_user_space_says(self, &self.map::<S>());
    }

    /// Asserts that a program redirects packets to an interface and reads the index of the
    /// interface, as long as the map contains the interface. User space inserts the interface and
    /// deletes it again.
    ///
    /// # Panics
    ///
    /// Panics if the program returns an unexpected result, or if the kernel refuses an operation.
    pub fn redirects_to_an_interface<S>(&self)
    where
        S: MapSpec,
        Map<S>: HoldInterfaces,
    {
        redirect::redirects_to_an_interface(self, &self.map::<S>());
    }

    /// Asserts that a program redirects packets to a CPU, as long as the map contains the queue of
    /// this CPU. User space inserts the queue and deletes it again.
    ///
    /// # Panics
    ///
    /// Panics like [`Self::redirects_to_an_interface`].
    pub fn redirects_to_a_cpu<S>(&self)
    where
        S: MapSpec,
        Map<S>: HoldCpus,
    {
        redirect::redirects_to_a_cpu(self, &self.map::<S>());
    }

    /// Asserts that a program redirects packets to an `AF_XDP` socket, as long as the map contains
    /// the socket. User space inserts the socket and deletes it again.
    ///
    /// # Panics
    ///
    /// Panics like [`Self::redirects_to_an_interface`].
    pub fn redirects_to_an_xdp_socket<S>(&self)
    where
        S: MapSpec,
        Map<S>: HoldSockets,
    {
        redirect::redirects_to_an_xdp_socket(self, &self.map::<S>());
    }

    /// Asserts that a program finds the socket that user space inserted, until user space deletes
    /// the entry or closes the socket.
    ///
    /// # Panics
    ///
    /// Panics if the program returns an unexpected result, or if the kernel refuses an operation.
    pub fn finds_sockets<S>(&self)
    where
        S: MapSpec,
        Map<S>: HoldSockets,
    {
        sockets::finds_sockets(self, &self.map::<S>());
    }

    /// Asserts that a packet arrives at the socket that user space inserted into the map. A second
    /// socket, which is not in the map, shares the port.
    ///
    /// # Panics
    ///
    /// Panics if the other socket receives the packet, or if the kernel refuses an operation.
    pub fn picks_a_socket<S>(&self)
    where
        S: MapSpec,
        Map<S>: HoldSockets,
    {
        reuseport::picks_a_socket(self, &self.map::<S>());
    }

    /// Asserts that user space reads the right addresses for the kernel stack and for the user
    /// stack of the process. Programs have recorded both stacks.
    ///
    /// # Panics
    ///
    /// Panics if an address is wrong, or a program or the kernel fails.
    pub fn reads_the_addresses_of_both_stacks<S>(&self)
    where
        S: MapSpec,
        Map<S>: ReadStacks,
    {
        stacks::reads_the_addresses_of_both_stacks(self, &self.map::<S>());
    }

    /// Asserts that user space reads the right frames for both stacks, like
    /// [`Self::reads_the_addresses_of_both_stacks`]. The frames of the map contain build IDs.
    ///
    /// # Panics
    ///
    /// Panics like [`Self::reads_the_addresses_of_both_stacks`].
    pub fn reads_the_files_of_both_stacks<S>(&self)
    where
        S: MapSpec,
        Map<S>: ReadStacks,
    {
        stacks::reads_the_files_of_both_stacks(self, &self.map::<S>());
    }

    /// Asserts that both sides exchange an entry through an inner map that user space inserted.
    /// Also asserts that a second inner map replaces the first one immediately, and that the
    /// program finds nothing if there is no inner map.
    ///
    /// # Panics
    ///
    /// Panics if the program finds another entry, or if the program or the kernel fails.
    pub fn meets_in_the_map_within<S>(&self)
    where
        S: MapSpec,
        Map<S>: HoldMaps<Inner: LookUp + Update>,
    {
        within::meets_in_the_map_within(self, &self.map::<S>());
    }

    /// Asserts the same as [`Self::meets_in_the_map_within`], for inner maps that are queues or
    /// stacks.
    ///
    /// # Panics
    ///
    /// Panics like [`Self::meets_in_the_map_within`].
    pub fn meets_in_the_queue_within<S>(&self)
    where
        S: MapSpec,
        Map<S>: HoldMaps<Inner: GiveUp + TakeIn>,
    {
        within::meets_in_the_queue_within(self, &self.map::<S>());
    }

    /// Asserts that the program finds an inner map that user space inserted. This function is for
    /// inner maps through which the two sides can't exchange entries.
    ///
    /// # Panics
    ///
    /// Panics like [`Self::meets_in_the_map_within`].
    pub fn finds_the_map_within<S>(&self)
    where
        S: MapSpec,
        Map<S>: HoldMaps,
    {
        within::finds_the_map_within(self, &self.map::<S>());
    }

    /// Asserts that libbpf inserted the inner maps of the initial contents, which are given by key
    /// and name. Then removes these maps, because the outer map can be too small for more maps.
    ///
    /// # Panics
    ///
    /// Panics if the outer map contains other maps.
    pub fn holds_at_first<S>(&self, fixture: &MapFixture<'_>)
    where
        S: MapSpec,
        Map<S>: ShowIds + Delete,
    {
        within::holds_at_first(self, &self.map::<S>(), fixture);
    }

    /// Asserts that a tail call runs the program that a slot contains initially, and later the
    /// program that user space stores in the slot. The initial contents are given as slots and the
    /// results of their programs. Also asserts that a tail call fails if the slot is empty or does
    /// not exist.
    ///
    /// # Panics
    ///
    /// Panics if a tail call runs another program, or if the kernel refuses an operation.
    pub fn jumps_where_user_space_says<S>(&self, fixture: &MapFixture<'_>)
    where
        S: MapSpec,
        Map<S>: HoldPrograms + ShowIds,
    {
        jump::jumps_where_user_space_says(self, &self.map::<S>(), fixture);
    }
}
