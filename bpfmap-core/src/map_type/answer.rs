//! What an operation answers: under which condition, from which kernel on.

use crate::{Errno, KernelVersion};

/// What user space can ask of a map, in the terms of bpf(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// `BPF_MAP_LOOKUP_ELEM`; peek on a queue or a stack.
    Lookup,
    /// `BPF_MAP_UPDATE_ELEM`; push on a queue or a stack.
    Update,
    /// `BPF_MAP_DELETE_ELEM`.
    Delete,
    /// `BPF_MAP_GET_NEXT_KEY`.
    GetNextKey,
    /// `BPF_MAP_LOOKUP_AND_DELETE_ELEM`; pop on a queue or a stack.
    LookupAndDelete,
    /// `BPF_MAP_LOOKUP_BATCH`.
    LookupBatch,
    /// `BPF_MAP_UPDATE_BATCH`.
    UpdateBatch,
    /// `BPF_MAP_DELETE_BATCH`.
    DeleteBatch,
    /// `BPF_MAP_LOOKUP_AND_DELETE_BATCH`.
    LookupAndDeleteBatch,
    /// `mmap(2)` on the map's descriptor.
    Mmap,
    /// `BPF_MAP_FREEZE`.
    Freeze,
}

impl Operation {
    /// Each operation, in the order of the documentation.
    pub const ALL: &'static [Self] = &[
        Self::Lookup,
        Self::Update,
        Self::Delete,
        Self::GetNextKey,
        Self::LookupAndDelete,
        Self::LookupBatch,
        Self::UpdateBatch,
        Self::DeleteBatch,
        Self::LookupAndDeleteBatch,
        Self::Mmap,
        Self::Freeze,
    ];

    /// Its name in `snake_case`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lookup => "lookup",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::GetNextKey => "get_next_key",
            Self::LookupAndDelete => "lookup_and_delete",
            Self::LookupBatch => "lookup_batch",
            Self::UpdateBatch => "update_batch",
            Self::DeleteBatch => "delete_batch",
            Self::LookupAndDeleteBatch => "lookup_and_delete_batch",
            Self::Mmap => "mmap",
            Self::Freeze => "freeze",
        }
    }

    /// The creation flag that it may ask for, by its name in a schema: where a map type does, its
    /// facts know [`Condition::WithoutFlag`].
    #[must_use]
    pub const fn flag(self) -> Option<&'static str> {
        match self {
            Self::Mmap => Some("mmapable"),
            _ => None,
        }
    }
}

/// What stands between a call and its plain success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Condition {
    /// Nothing: a good call. A kernel that lacks the operation refuses this one too.
    Plain,
    /// The key is not in the map.
    Missing,
    /// `BPF_NOEXIST`, and the key is in the map.
    NoExistOnPresent,
    /// `BPF_EXIST`, and the key is not in the map.
    ExistOnMissing,
    /// The map is full and the key is new.
    FullNewKey,
    /// The map is full and the key is in it.
    FullPresentKey,
    /// `BPF_EXIST`, the map is full, and the key is not in it.
    FullExistOnMissing,
    /// `BPF_EXIST` on a full queue or stack: the oldest element makes room.
    FullOverwrite,
    /// The index is `max_entries` or more.
    OutOfRange,
    /// The value is no open descriptor.
    BadDescriptor,
    /// The value is the descriptor of an object that the map type does not hold.
    OtherObject,
    /// The key is no open descriptor.
    BadOwner,
    /// The key is the descriptor of something else than what values are attached to.
    OtherOwner,
    /// A flag bit that no kernel knows.
    UnknownFlags,
    /// `BPF_NOEXIST` on a map that has no keys.
    NoExist,
    /// `BPF_NOEXIST | BPF_EXIST`.
    NoExistAndExist,
    /// `BPF_F_LOCK`, and the value has no spin lock.
    LockWithoutSpinLock,
    /// The prefix is longer than the key's data.
    PrefixTooLong,
    /// The map has no element.
    Empty,
    /// The walk starts: no key is given.
    NoKey,
    /// The walk goes on from a key that is not in the map: the first key again, or index 0.
    AbsentKey,
    /// The walk has reached the last key.
    LastKey,
    /// A key is given to a map that has none.
    KeyGiven,
    /// The batch asks for more entries than are left.
    End,
    /// An element flag of a batch that is `BPF_NOEXIST` or `BPF_EXIST`.
    BatchElementFlags,
    /// The map is already frozen.
    Twice,
    /// The value has a spin lock.
    WithSpinLock,
    /// The value has a special field that is no spin lock. The last answer counts from the first
    /// kernel that knows the field, whatever the table says.
    WithSpecialField,
    /// The map has the flag `link`: a link registers it, and takes it back.
    WithLink,
    /// The map lacks the creation flag that the operation asks for: `BPF_F_MMAPABLE`.
    WithoutFlag,
    /// `BPF_NOEXIST`, and the key is not in the map.
    NoExistOnMissing,
    /// `BPF_NOEXIST`, and the object to put in is there already.
    NoExistOnSame,
    /// The number of an object is 0: no interface, a queue of no length.
    ZeroNumber,
    /// No interface has the index.
    UnknownInterface,
    /// No CPU has the number that is the key.
    ImpossibleCpu,
    /// A CPU's queue is longer than 16384 packets.
    QueueTooLong,
    /// The program of an interface or a CPU was loaded for another place.
    ProgramOfOtherKind,
    /// The socket is of a family or in a state that the map does not take.
    UnfitSocket,
    /// A connected socket of the family `AF_UNIX`.
    UnixSocket,
    /// A UDP socket that is not bound.
    UnboundSocket,
    /// A socket without the option `SO_REUSEPORT`.
    WithoutReuseport,
    /// An `AF_XDP` socket without a receive ring.
    WithoutRing,
    /// The socket is in a map of this type already.
    SocketInUse,
    /// The value has 4 bytes, no room for a socket's cookie.
    SmallValue,
    /// A mapping of the first page that can be written.
    ToWrite,
    /// A mapping of the second page that can be written.
    ToWriteSecondPage,
    /// `BPF_F_CPU` with the number of a CPU in the upper half of the flags: the value is that CPU's.
    OneCpu,
    /// `BPF_F_CPU`, and the machine can have no CPU of the number.
    UnknownCpu,
    /// `BPF_F_ALL_CPUS`: one value is written to each CPU.
    AllCpus,
    /// A bit of the upper half of the flags without `BPF_F_CPU`.
    UnknownHighFlags,
}

impl Condition {
    /// Its name in `snake_case`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Missing => "missing",
            Self::NoExistOnPresent => "no_exist_on_present",
            Self::ExistOnMissing => "exist_on_missing",
            Self::FullNewKey => "full_new_key",
            Self::FullPresentKey => "full_present_key",
            Self::FullExistOnMissing => "full_exist_on_missing",
            Self::FullOverwrite => "full_overwrite",
            Self::OutOfRange => "out_of_range",
            Self::OtherObject => "other_object",
            Self::BadOwner => "bad_owner",
            Self::OtherOwner => "other_owner",
            Self::UnknownFlags => "unknown_flags",
            Self::NoExist => "no_exist",
            Self::NoExistAndExist => "no_exist_and_exist",
            Self::LockWithoutSpinLock => "lock_without_spin_lock",
            Self::PrefixTooLong => "prefix_too_long",
            Self::Empty => "empty",
            Self::NoKey => "no_key",
            Self::AbsentKey => "absent_key",
            Self::LastKey => "last_key",
            Self::KeyGiven => "key_given",
            Self::End => "end",
            Self::BatchElementFlags => "batch_element_flags",
            Self::Twice => "twice",
            Self::WithSpinLock => "with_spin_lock",
            Self::WithSpecialField => "with_special_field",
            Self::WithLink => "with_link",
            Self::WithoutFlag => "without_flag",
            Self::NoExistOnMissing => "no_exist_on_missing",
            Self::NoExistOnSame => "no_exist_on_same",
            Self::BadDescriptor => "bad_descriptor",
            Self::ZeroNumber => "zero_number",
            Self::UnknownInterface => "unknown_interface",
            Self::ImpossibleCpu => "impossible_cpu",
            Self::QueueTooLong => "queue_too_long",
            Self::ProgramOfOtherKind => "program_of_other_kind",
            Self::UnfitSocket => "unfit_socket",
            Self::UnixSocket => "unix_socket",
            Self::UnboundSocket => "unbound_socket",
            Self::WithoutReuseport => "without_reuseport",
            Self::WithoutRing => "without_ring",
            Self::SocketInUse => "socket_in_use",
            Self::SmallValue => "small_value",
            Self::ToWrite => "to_write",
            Self::ToWriteSecondPage => "to_write_second_page",
            Self::OneCpu => "one_cpu",
            Self::UnknownCpu => "unknown_cpu",
            Self::AllCpus => "all_cpus",
            Self::UnknownHighFlags => "unknown_high_flags",
        }
    }
}

/// An answer of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Success.
    Ok,
    /// Failure with this errno.
    Err(Errno),
}

/// From a kernel on, the answers that are known: more than one where stable releases of the same
/// line answer differently.
#[derive(Debug, Clone, Copy)]
pub struct Since {
    /// The first kernel.
    pub kernel: KernelVersion,
    /// What it may answer.
    pub answers: &'static [Answer],
}

/// The answers of all kernels, oldest first. The last entry at or before a kernel is its own.
pub type Answers = &'static [Since];

/// What an operation answers under a condition.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The condition.
    pub condition: Condition,
    /// The answers.
    pub answers: Answers,
}

/// What the kernel says about an operation on a map type.
#[derive(Debug, Clone, Copy)]
pub struct OperationFacts {
    /// The operation.
    pub operation: Operation,
    /// Every condition that is known; the first is always [`Condition::Plain`].
    pub cases: &'static [Case],
}

impl OperationFacts {
    /// The first kernel that carries the operation out; `None` when none does.
    #[must_use]
    pub fn since(&self) -> Option<KernelVersion> {
        let plain = self.cases.first()?;
        plain.answers.iter().find(|row| row.answers.contains(&Answer::Ok)).map(|row| row.kernel)
    }

    /// What a kernel without the operation answers to a good call, if one lacks it.
    #[must_use]
    pub fn refusal(&self) -> Option<Errno> {
        self.cases.first()?.answers.iter().find_map(|row| match row.answers {
            [Answer::Err(errno)] => Some(*errno),
            _ => None,
        })
    }

    /// Whether the table knows what is answered under `condition`.
    #[must_use]
    pub fn answers_known(&self, condition: Condition) -> bool {
        self.cases.iter().any(|case| case.condition == condition)
    }

    /// What `kernel` may answer under `condition`: what the case says or, on a kernel older than
    /// all that it speaks of, the refusal of a kernel that lacks the operation. `None` when the
    /// table does not know.
    #[must_use]
    pub fn answers_on(
        &self,
        condition: Condition,
        kernel: KernelVersion,
    ) -> Option<&'static [Answer]> {
        let case = self.cases.iter().find(|case| case.condition == condition)?;
        let on = |answers: Answers| {
            answers.iter().rev().find(|since| since.kernel <= kernel).map(|since| since.answers)
        };
        on(case.answers).or_else(|| on(self.cases[0].answers))
    }
}
