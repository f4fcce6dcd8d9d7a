//! Fixtures as data.
//!
//! A fixture tests a map on the running kernel and compares the results with the facts table. The generator writes a
//! [`MapFixture`] for each map of a schema into the tests, and can also create the same value at run time. A test
//! consists of a list of [`Step`]s. The generated tests call a function for each step, and `bpfmap test` interprets the
//! steps.

use crate::map_type::{MapFlag, MapTraits, MapType};
use crate::{Errno, KernelVersion, SpecialField};
use core::ops::Range;

/// The description of a map that a fixture needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapFixture<'a> {
    /// The name of the map.
    pub name: &'a str,
    /// The name of the map type in a schema, such as `hash`.
    pub map_type: &'a str,
    /// The names of the map's flags in a schema, such as `no_prealloc`.
    pub flags: &'a [&'a str],
    /// The size of a key in bytes; 0 for a map without keys.
    pub key_size: u64,
    /// The size of a value in bytes; 0 for a map without values.
    pub value_size: u64,
    /// The `max_entries` of the maps that the test cases create, or `None` if a few entries are enough.
    pub max_entries: Option<u32>,
    /// The first kernel that supports the map, and the errno with which older kernels refuse to create it. `None` if
    /// every kernel of the test matrix supports the map.
    pub creation: Option<(KernelVersion, Errno)>,
    /// The special fields of a value, in ascending order.
    pub special: &'a [SpecialBytes<'a>],
    /// The initial contents of the map.
    pub contents: &'a [Content<'a>],
}

/// A special field and its position in the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecialBytes<'a> {
    /// The special field.
    pub field: SpecialField,
    /// The name of the struct that the field points to or contains, or `None` for a field without a target.
    pub target: Option<&'a str>,
    /// The first kernel that supports the field in this map type. Older kernels treat the bytes as
    /// plain data.
    pub since: KernelVersion,
    /// The range of the field's bytes in the value.
    pub bytes: Range<usize>,
}

/// An initial entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content<'a> {
    /// The index or key of the entry.
    pub key: u32,
    /// The name of the program or map that the entry contains.
    pub name: &'a str,
    /// The number that the program returns in the fixture; 0 for a map.
    pub returns: i32,
}

macro_rules! steps {
    ($($(#[$doc:meta])* $variant:ident $function:literal $needs:ident,)*) => {
        /// A step of a test of a map.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Step {
            $($(#[$doc])* $variant,)*
            /// The verifier refuses the program with this role, because a flag of the map forbids
            /// the operation of the program. The full name of the role is [`REFUSED`] followed by
            /// the text in this variant.
            ProgramIsRefused(&'static str),
        }

        impl Step {
            /// Returns the name of the function that executes the step.
            #[must_use]
            pub const fn function(self) -> &'static str {
                match self {
                    $(Self::$variant => $function,)*
                    Self::ProgramIsRefused(_) => "program_is_refused",
                }
            }

            /// Returns the arguments that the function for this step needs.
            #[must_use]
            pub const fn needs(self) -> Needs {
                match self {
                    $(Self::$variant => Needs::$needs,)*
                    Self::ProgramIsRefused(role) => Needs::ObjectMapAndRole(role),
                }
            }
        }
    };
}

steps! {
    /// User space finds the entry that a program wrote.
    FindsWhatTheProgramWrote "finds_what_the_program_wrote" LoadedObject,
    /// A program finds the entry that user space wrote.
    WritesWhatTheProgramFinds "writes_what_the_program_finds" LoadedObject,
    /// User space pops the value that a program pushed.
    PopsWhatTheProgramPushed "pops_what_the_program_pushed" LoadedObject,
    /// A program pops the value that user space pushed.
    PushesWhatTheProgramPops "pushes_what_the_program_pops" LoadedObject,
    /// A program peeks at the value that user space pushed.
    PushesWhatTheProgramPeeks "pushes_what_the_program_peeks" LoadedObject,
    /// User space finds the value that a program added to a filter.
    FindsWhatTheProgramAdded "finds_what_the_program_added" LoadedObject,
    /// A program finds the value that user space added to a filter.
    AddsWhatTheProgramFinds "adds_what_the_program_finds" LoadedObject,
    /// User space reads the events that a program submitted to a ring buffer.
    ReadsWhatTheProgramSubmitted "reads_what_the_program_submitted" LoadedObject,
    /// User space reads the event that a program sent to the ring of the program's CPU.
    ReadsFromEachCpu "reads_from_each_cpu" LoadedObject,
    /// A program drains the event that user space sent.
    SendsWhatTheProgramDrains "sends_what_the_program_drains" LoadedObject,
    /// User space finds the bytes that a program wrote into an arena.
    FindsInTheArenaWhatTheProgramWrote "finds_in_the_arena_what_the_program_wrote" LoadedObject,
    /// A program finds the bytes that user space wrote into an arena.
    WritesIntoTheArenaWhatTheProgramFinds "writes_into_the_arena_what_the_program_finds" LoadedObject,
    /// The kernel allocates a page of an arena when user space accesses the page.
    TouchesAPageThatNoProgramHasAllocated "touches_a_page_that_no_program_has_allocated" LoadedObject,
    /// User space can't access a page of an arena before a program has allocated the page.
    TouchesNoPageBeforeAProgramAllocatesIt "touches_no_page_before_a_program_allocates_it" LoadedObject,
    /// A program finds that its packet belongs to the cgroup that user space stored in the map.
    TellsTheCgroupThatUserSpaceSays "tells_the_cgroup_that_user_space_says" LoadedObject,
    /// A program redirects to the interface that user space stored in the map.
    RedirectsToAnInterface "redirects_to_an_interface" LoadedObject,
    /// A program redirects to the CPU whose queue user space stored in the map.
    RedirectsToACpu "redirects_to_a_cpu" LoadedObject,
    /// A program redirects to the `AF_XDP` socket that user space stored in the map.
    RedirectsToAnXdpSocket "redirects_to_an_xdp_socket" LoadedObject,
    /// A program finds the sockets that user space stored in the map.
    FindsSockets "finds_sockets" LoadedObject,
    /// A program selects the socket that user space stored in the map.
    PicksASocket "picks_a_socket" LoadedObject,
    /// User space reads the addresses of stacks that programs recorded.
    ReadsTheAddressesOfBothStacks "reads_the_addresses_of_both_stacks" LoadedObject,
    /// User space reads the build IDs and file offsets of stacks that programs recorded.
    ReadsTheFilesOfBothStacks "reads_the_files_of_both_stacks" LoadedObject,
    /// A program and user space exchange entries in both directions through an inner map that user space stored in the
    /// outer map.
    MeetsInTheMapWithin "meets_in_the_map_within" LoadedObject,
    /// A program and user space exchange values in both directions through an inner queue that user space stored in the
    /// outer map.
    MeetsInTheQueueWithin "meets_in_the_queue_within" LoadedObject,
    /// A program finds the inner map that user space stored in the outer map.
    FindsTheMapWithin "finds_the_map_within" LoadedObject,
    /// A program jumps to another program that user space stored in the map.
    JumpsWhereUserSpaceSays "jumps_where_user_space_says" LoadedObjectAndMap,
    /// The map contains the initial contents that the schema declares.
    HoldsAtFirst "holds_at_first" LoadedObjectAndMap,
    /// Each operation returns the result that the facts table lists.
    Answers "answers" Map,
    /// User space reads the offsets of a program's instructions from the map.
    FindsTheInstructionsOfAProgram "finds_the_instructions_of_a_program" Map,
    /// Programs insert and delete sockets. Each program has a type that may write to the map.
    WritesSocketsInProgram "writes_sockets_in_program" Object,
}

/// The prefix of the role of a program that the verifier must refuse. A fixture does not load a program with this
/// prefix together with the other programs.
pub const REFUSED: &str = "refused";

/// The arguments of the function that executes a [`Step`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// The loaded object of the fixture.
    LoadedObject,
    /// The loaded object of the fixture, and the description of the map.
    LoadedObjectAndMap,
    /// The description of the map.
    Map,
    /// The bytes of the object file.
    Object,
    /// The bytes of the object file, the description of the map, and the role of a program. The
    /// prefix [`REFUSED`] is removed from the role.
    ObjectMapAndRole(&'static str),
}

impl MapFixture<'_> {
    /// Returns the row of the facts table for the type of the map.
    ///
    /// # Panics
    ///
    /// Panics if the facts table does not contain the map type. This happens only if a different version of the
    /// generator wrote the fixture.
    #[must_use]
    pub fn row(&self) -> &'static MapType {
        MapType::by_name(self.map_type).expect("the facts table has a row for the map type")
    }

    /// Returns whether the map has the flag `name` (the name of the flag in a schema).
    #[must_use]
    pub fn has_flag(&self, name: &str) -> bool {
        self.flags.contains(&name)
    }

    /// Returns the properties of the map that determine the results of operations.
    ///
    /// # Panics
    ///
    /// Panics if the facts table does not contain the map type, like [`Self::row`].
    #[must_use]
    pub fn traits(&self) -> MapTraits {
        let flags = self.flags.iter().filter_map(|flag| MapFlag::by_name(flag));
        let is_lock = |special: &&SpecialBytes<'_>| special.field == SpecialField::SpinLock;
        let row = self.row();
        MapTraits {
            row,
            flags: flags.fold(0, |bits, flag| bits | flag.value()),
            has_spin_lock: self.special.iter().any(|special| is_lock(&special)),
            special_since: self
                .special
                .iter()
                .filter(|special| !is_lock(special))
                .filter(|special| row.special_field_since(special.field).is_some())
                .map(|special| special.since)
                .min(),
            value_size: Some(self.value_size).filter(|size| *size > 0),
        }
    }
}
