//! The functions that generated tests call. Each opens the map by the generated spec, so that the
//! generated types are tested as well.

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

/// Returns whether the running kernel refuses to create the map, as expected. The refusal is then the result of the test.
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
/// Panics if the running kernel gives a result that was not expected, or can't create the map. All
/// cases are tried first.
pub fn answers<S: MapSpec>(fixture: &MapFixture<'_>) {
    crate::try_operations(&Spec::<S>::NEW, fixture);
}

/// Asserts that the verifier refuses the program with this role of the spec's map, because it does
/// what a flag of the map forbids.
///
/// # Panics
///
/// Panics if the program loads, or is refused with an unexpected error.
pub fn program_is_refused<S: MapSpec>(object: &[u8], fixture: &MapFixture<'_>, role: &str) {
    program::program_is_refused(&Spec::<S>::NEW, object, fixture, role);
}

/// Asserts that the map contains the offsets of a program's instructions after the program is
/// loaded: in the program that the verifier accepted, and in the code of the JIT.
///
/// # Panics
///
/// Panics if an offset differs, or the kernel fails.
pub fn finds_the_instructions_of_a_program<S>(fixture: &MapFixture<'_>)
where
    S: MapSpec,
    Map<S>: LookUp + Update,
{
    instructions::finds_the_instructions_of_a_program(&Spec::<S>::NEW, fixture);
}

/// Asserts that a program of the type `sched_cls` inserts a socket under a different key and
/// deletes one, or is refused from Linux 7.3 on. Only programs of other types can do this then
/// (`may_update_sockmap` in `kernel/bpf/verifier.c`).
///
/// # Panics
///
/// Panics if a kernel before Linux 7.3 refuses the program, or a later one accepts it.
pub fn writes_sockets_in_program<S>(object: &[u8])
where
    S: MapSpec,
    Map<S>: HoldSockets,
{
    sockets::writes_sockets_in_program(&Spec::<S>::NEW, object);
}

impl Fixture {
    /// Asserts that user space finds in each view what the program wrote.
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

    /// Asserts that the program finds in each view what user space wrote.
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

    /// Asserts that user space pops in each view what the program pushed.
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

    /// Asserts that the program pops in each view what user space pushed.
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

    /// Asserts that the program sees in each view what user space pushed, which user space then pops.
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

    /// Asserts that user space finds in each view what the program added, and nothing before that.
    ///
    /// # Panics
    ///
    /// Panics if this is not the case, or the program or the kernel fails.
    pub fn finds_what_the_program_added<S>(&self)
    where
        S: MapSpec,
        Map<S>: FilterValues,
    {
        filter::finds_what_the_program_added(self, &self.map::<S>());
    }

    /// Asserts that the program finds in each view what user space added, and nothing before that.
    ///
    /// # Panics
    ///
    /// Panics if this is not the case, or the kernel fails.
    pub fn adds_what_the_program_finds<S>(&self)
    where
        S: MapSpec,
        Map<S>: FilterValues,
    {
        filter::adds_what_the_program_finds(self, &self.map::<S>());
    }

    /// Asserts that user space reads in each view the two events that the program sent.
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

    /// Asserts that user space reads in each view the event that the program sent.
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

    /// Asserts that the program finds in each view the event that user space sent.
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

    /// Asserts that user space finds in a page what the program that allocated the page wrote.
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

    /// Asserts that the program finds in a page what user space wrote.
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

    /// Asserts that user space can touch the last page of an arena although no program has
    /// allocated it, because the kernel allocates it.
    ///
    /// # Panics
    ///
    /// Panics if it can't.
    pub fn touches_a_page_that_no_program_has_allocated<S>(&self)
    where
        S: MapSpec,
        Map<S>: OpenArena,
    {
        arena::touches_a_page_that_no_program_has_allocated(self, &self.map::<S>());
    }

    /// Asserts that user space can't touch the last page of an arena with `BPF_F_SEGV_ON_FAULT`
    /// before a program has allocated it. The kernel accesses the page on behalf of user space, and
    /// returns EFAULT where an instruction of the process would get SIGSEGV.
    ///
    /// # Panics
    ///
    /// Panics if it can before, or can't afterwards, or if the program fails.
    pub fn touches_no_page_before_a_program_allocates_it<S>(&self)
    where
        S: MapSpec,
        Map<S>: OpenArena,
    {
        arena::touches_no_page_before_a_program_allocates_it(self, &self.map::<S>());
    }

    /// Asserts that a program finds the test's own socket under the root cgroup and not under a
    /// different one, and gets the right errors for an empty slot and for an index out of range.
    ///
    /// # Panics
    ///
    /// Panics if the program returns something else, or the kernel refuses an operation.
    pub fn tells_the_cgroup_that_user_space_says<S>(&self)
    where
        S: MapSpec,
        Map<S>: HoldCgroups,
    {
        ask::tells_the_cgroup_that_user_space_says(self, &self.map::<S>());
    }

    /// Asserts that a program redirects to an interface and reads its index, from when user space
    /// inserts it under the key until user space deletes it.
    ///
    /// # Panics
    ///
    /// Panics if the program returns something else, or the kernel refuses an operation.
    pub fn redirects_to_an_interface<S>(&self)
    where
        S: MapSpec,
        Map<S>: HoldInterfaces,
    {
        redirect::redirects_to_an_interface(self, &self.map::<S>());
    }

    /// Asserts that a program redirects to a CPU, from when user space inserts its queue into the
    /// map until user space deletes it.
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

    /// Asserts that a program redirects to an `AF_XDP` socket, from when user space inserts it
    /// under the key until user space deletes it.
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
    /// or closes it.
    ///
    /// # Panics
    ///
    /// Panics if the program returns something else, or the kernel refuses an operation.
    pub fn finds_sockets<S>(&self)
    where
        S: MapSpec,
        Map<S>: HoldSockets,
    {
        sockets::finds_sockets(self, &self.map::<S>());
    }

    /// Asserts that, of two sockets on one port, the one that user space inserted into the map
    /// receives the packet.
    ///
    /// # Panics
    ///
    /// Panics if the other one receives it, or the kernel refuses an operation.
    pub fn picks_a_socket<S>(&self)
    where
        S: MapSpec,
        Map<S>: HoldSockets,
    {
        reuseport::picks_a_socket(self, &self.map::<S>());
    }

    /// Asserts that user space reads the addresses of the kernel's stack and of the process's stack
    /// that programs recorded.
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

    /// Like [`Self::reads_the_addresses_of_both_stacks`], for a map with build IDs.
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

    /// Asserts that both sides exchange an entry through a map that user space inserted, that a
    /// second map replaces it immediately, and that nothing is found without a map.
    ///
    /// # Panics
    ///
    /// Panics if something else is found, or the program or the kernel fails.
    pub fn meets_in_the_map_within<S>(&self)
    where
        S: MapSpec,
        Map<S>: HoldMaps<Inner: LookUp + Update>,
    {
        within::meets_in_the_map_within(self, &self.map::<S>());
    }

    /// Like [`Self::meets_in_the_map_within`], for queues and stacks.
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

    /// Like [`Self::meets_in_the_map_within`], for maps that can't exchange entries: it only checks
    /// that the program finds the map.
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

    /// Asserts that libbpf inserted these maps, given by key and name. Removes them, because there
    /// may be no space for others beside them.
    ///
    /// # Panics
    ///
    /// Panics if the map contains something else.
    pub fn holds_at_first<S>(&self, fixture: &MapFixture<'_>)
    where
        S: MapSpec,
        Map<S>: ShowIds + Delete,
    {
        within::holds_at_first(self, &self.map::<S>(), fixture);
    }

    /// Asserts that a program jumps to the map's initial contents (a slot, and the result of the
    /// program there), then to the program that user space stores, and nowhere if the slot is empty
    /// or does not exist.
    ///
    /// # Panics
    ///
    /// Panics if it jumps to a different program, or the kernel refuses an operation.
    pub fn jumps_where_user_space_says<S>(&self, fixture: &MapFixture<'_>)
    where
        S: MapSpec,
        Map<S>: HoldPrograms + ShowIds,
    {
        jump::jumps_where_user_space_says(self, &self.map::<S>(), fixture);
    }
}
