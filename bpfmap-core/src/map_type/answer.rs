//! What an operation answers: under which condition, from which kernel on.

use crate::{Errno, KernelVersion};

named! {
    /// What user space can ask of a map, in the terms of bpf(2).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum Operation {
        /// `BPF_MAP_LOOKUP_ELEM`; peek on a queue or a stack.
        Lookup = "lookup",
        /// `BPF_MAP_UPDATE_ELEM`; push on a queue or a stack.
        Update = "update",
        /// `BPF_MAP_DELETE_ELEM`.
        Delete = "delete",
        /// `BPF_MAP_GET_NEXT_KEY`.
        GetNextKey = "get_next_key",
        /// `BPF_MAP_LOOKUP_AND_DELETE_ELEM`; pop on a queue or a stack.
        LookupAndDelete = "lookup_and_delete",
        /// `BPF_MAP_LOOKUP_BATCH`.
        LookupBatch = "lookup_batch",
        /// `BPF_MAP_UPDATE_BATCH`.
        UpdateBatch = "update_batch",
        /// `BPF_MAP_DELETE_BATCH`.
        DeleteBatch = "delete_batch",
        /// `BPF_MAP_LOOKUP_AND_DELETE_BATCH`.
        LookupAndDeleteBatch = "lookup_and_delete_batch",
        /// `mmap(2)` on the map's descriptor.
        Mmap = "mmap",
        /// `BPF_MAP_FREEZE`.
        Freeze = "freeze",
    }

    /// Its name in `snake_case`.
    fn name;
}

impl Operation {
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

named! {
    /// What is between a call and its plain success.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum Condition {
        /// Nothing: a good call. A kernel that lacks the operation refuses this one too.
        Plain = "plain",
        /// The key is not in the map.
        Missing = "missing",
        /// `BPF_NOEXIST`, and the key is in the map.
        NoExistOnPresent = "no_exist_on_present",
        /// `BPF_EXIST`, and the key is not in the map.
        ExistOnMissing = "exist_on_missing",
        /// The map is full and the key is new.
        FullNewKey = "full_new_key",
        /// The map is full and the key is in it.
        FullPresentKey = "full_present_key",
        /// `BPF_EXIST`, the map is full, and the key is not in it.
        FullExistOnMissing = "full_exist_on_missing",
        /// `BPF_EXIST` on a full queue or stack: the oldest element makes room.
        FullOverwrite = "full_overwrite",
        /// The index is `max_entries` or more.
        OutOfRange = "out_of_range",
        /// The value is not an open descriptor.
        BadDescriptor = "bad_descriptor",
        /// The value is the descriptor of an object that the map type does not hold.
        OtherObject = "other_object",
        /// The key is not an open descriptor.
        BadOwner = "bad_owner",
        /// The key is the descriptor of something else than what values are attached to.
        OtherOwner = "other_owner",
        /// A flag bit that no kernel knows.
        UnknownFlags = "unknown_flags",
        /// `BPF_NOEXIST` on a map that has no keys.
        NoExist = "no_exist",
        /// `BPF_NOEXIST | BPF_EXIST`.
        NoExistAndExist = "no_exist_and_exist",
        /// `BPF_F_LOCK`, and the value has no spin lock.
        LockWithoutSpinLock = "lock_without_spin_lock",
        /// The prefix is longer than the key's data.
        PrefixTooLong = "prefix_too_long",
        /// The map has no element.
        Empty = "empty",
        /// The walk starts: no key is given.
        NoKey = "no_key",
        /// The walk goes on from a key that is not in the map: the first key again, or index 0.
        AbsentKey = "absent_key",
        /// The walk has reached the last key.
        LastKey = "last_key",
        /// A key is given to a map that has none.
        KeyGiven = "key_given",
        /// The batch asks for more entries than are left.
        End = "end",
        /// An element flag of a batch that is `BPF_NOEXIST` or `BPF_EXIST`.
        BatchElementFlags = "batch_element_flags",
        /// The map is already frozen.
        Twice = "twice",
        /// The value has a spin lock.
        WithSpinLock = "with_spin_lock",
        /// The value has a special field other than a spin lock. The last answer counts from the first
        /// kernel that knows the field, whatever the table says.
        WithSpecialField = "with_special_field",
        /// The map has the flag `link`: a link registers it, and takes it back.
        WithLink = "with_link",
        /// The map lacks the creation flag that the operation asks for: `BPF_F_MMAPABLE`.
        WithoutFlag = "without_flag",
        /// `BPF_NOEXIST`, and the key is not in the map.
        NoExistOnMissing = "no_exist_on_missing",
        /// `BPF_NOEXIST`, and the object to put in is there already.
        NoExistOnSame = "no_exist_on_same",
        /// The number of an object is 0: no interface, a queue of no length.
        ZeroNumber = "zero_number",
        /// No interface has the index.
        UnknownInterface = "unknown_interface",
        /// No CPU has the number that is the key.
        ImpossibleCpu = "impossible_cpu",
        /// A CPU's queue is longer than 16384 packets.
        QueueTooLong = "queue_too_long",
        /// The program of an interface or a CPU was loaded for another place.
        ProgramOfOtherKind = "program_of_other_kind",
        /// The socket is of a family or in a state that the map does not take.
        UnfitSocket = "unfit_socket",
        /// A connected socket of the family `AF_UNIX`.
        UnixSocket = "unix_socket",
        /// A UDP socket that is not bound.
        UnboundSocket = "unbound_socket",
        /// A socket without the option `SO_REUSEPORT`.
        WithoutReuseport = "without_reuseport",
        /// An `AF_XDP` socket without a receive ring.
        WithoutRing = "without_ring",
        /// The socket is in a map of this type already.
        SocketInUse = "socket_in_use",
        /// The value has 4 bytes, no room for a socket's cookie.
        SmallValue = "small_value",
        /// A mapping of the first page that can be written.
        ToWrite = "to_write",
        /// A mapping of the second page that can be written.
        ToWriteSecondPage = "to_write_second_page",
        /// `BPF_F_CPU` with the number of a CPU in the upper half of the flags: the value is that CPU's.
        OneCpu = "one_cpu",
        /// `BPF_F_CPU`, and the machine can have no CPU of the number.
        UnknownCpu = "unknown_cpu",
        /// `BPF_F_ALL_CPUS`: one value is written to each CPU.
        AllCpus = "all_cpus",
        /// A bit of the upper half of the flags without `BPF_F_CPU`.
        UnknownHighFlags = "unknown_high_flags",
    }

    /// Its name in `snake_case`.
    fn name;
}

impl Condition {}

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
    pub const fn since(&self) -> Option<KernelVersion> {
        self.succeeds_since(Condition::Plain)
    }

    /// The first kernel that carries the operation out under `condition`; `None` when none does, or the table does not
    /// know.
    #[must_use]
    pub const fn succeeds_since(&self, condition: Condition) -> Option<KernelVersion> {
        let mut index = 0;
        while index < self.cases.len() {
            let case = &self.cases[index];
            index += 1;
            if case.condition as u8 == condition as u8 {
                return first_success(case.answers);
            }
        }
        None
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

/// The first kernel that may answer success.
const fn first_success(answers: Answers) -> Option<KernelVersion> {
    let mut row = 0;
    while row < answers.len() {
        let Since { kernel, answers } = answers[row];
        row += 1;
        let mut answer = 0;
        while answer < answers.len() {
            if matches!(answers[answer], Answer::Ok) {
                return Some(kernel);
            }
            answer += 1;
        }
    }
    None
}
