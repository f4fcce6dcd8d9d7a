//! The results of operations, by condition and kernel version.

use crate::{Errno, KernelVersion};

named! {
    /// An operation of user space on a map, in the terms of bpf(2).
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

    /// Returns its name in `snake_case`.
    fn name;
}

impl Operation {
    /// Returns the name in a schema of the creation flag that the operation may require. The facts
    /// of a map type that requires the flag contain [`Condition::WithoutFlag`].
    #[must_use]
    pub const fn flag(self) -> Option<&'static str> {
        match self {
            Self::Mmap => Some("mmapable"),
            _ => None,
        }
    }
}

named! {
    /// A condition that can make a call of an operation fail or behave differently.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum Condition {
        /// A valid call without any other condition. Only a kernel that lacks the operation refuses
        /// it.
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
        /// `BPF_EXIST` on a full queue or stack, which removes the oldest element to make room.
        FullOverwrite = "full_overwrite",
        /// The index is `max_entries` or more.
        OutOfRange = "out_of_range",
        /// The value is not an open descriptor.
        BadDescriptor = "bad_descriptor",
        /// The value is the descriptor of an object that the map type does not hold.
        OtherObject = "other_object",
        /// The key is not an open descriptor.
        BadOwner = "bad_owner",
        /// The key is a descriptor of an object to which the map type can't attach values.
        OtherOwner = "other_owner",
        /// A flag bit that no kernel knows.
        UnknownFlags = "unknown_flags",
        /// `BPF_NOEXIST` on a map that has no keys.
        NoExist = "no_exist",
        /// `BPF_NOEXIST | BPF_EXIST`.
        NoExistAndExist = "no_exist_and_exist",
        /// `BPF_F_LOCK` is set, and the value has no spin lock.
        LockWithoutSpinLock = "lock_without_spin_lock",
        /// The prefix is longer than the key's data.
        PrefixTooLong = "prefix_too_long",
        /// The map has no element.
        Empty = "empty",
        /// The iteration starts: no key is given.
        NoKey = "no_key",
        /// The iteration continues from a key that is not in the map. The result is the first key
        /// or index 0.
        AbsentKey = "absent_key",
        /// The iteration has reached the last key.
        LastKey = "last_key",
        /// A key is passed to a map that has no keys.
        KeyGiven = "key_given",
        /// The batch asks for more entries than are left.
        End = "end",
        /// The element flags of a batch are `BPF_NOEXIST` or `BPF_EXIST`.
        BatchElementFlags = "batch_element_flags",
        /// The map is already frozen.
        Twice = "twice",
        /// The value has a spin lock.
        WithSpinLock = "with_spin_lock",
        /// The value has a special field other than a spin lock. The last answer applies from the
        /// first kernel that knows the field, even if its own entry names a different kernel.
        WithSpecialField = "with_special_field",
        /// The map has the flag `link`: a link registers and unregisters it.
        WithLink = "with_link",
        /// The map lacks the creation flag that the operation requires: `BPF_F_MMAPABLE`.
        WithoutFlag = "without_flag",
        /// `BPF_NOEXIST`, and the key is not in the map.
        NoExistOnMissing = "no_exist_on_missing",
        /// `BPF_NOEXIST`, and the map already holds the same object.
        NoExistOnSame = "no_exist_on_same",
        /// The number of an object is 0: no interface has this index, and a queue of length 0 holds nothing.
        ZeroNumber = "zero_number",
        /// No interface has the index.
        UnknownInterface = "unknown_interface",
        /// The key is not the number of a CPU.
        ImpossibleCpu = "impossible_cpu",
        /// A CPU's queue is longer than 16384 packets.
        QueueTooLong = "queue_too_long",
        /// The program of an interface or a CPU was loaded for a different attach point.
        ProgramOfOtherKind = "program_of_other_kind",
        /// The map does not accept sockets of this family or in this state.
        UnfitSocket = "unfit_socket",
        /// A connected socket of the family `AF_UNIX`.
        UnixSocket = "unix_socket",
        /// A UDP socket that is not bound.
        UnboundSocket = "unbound_socket",
        /// A socket without the option `SO_REUSEPORT`.
        WithoutReuseport = "without_reuseport",
        /// An `AF_XDP` socket without a receive ring.
        WithoutRing = "without_ring",
        /// The socket is already in a map of this type.
        SocketInUse = "socket_in_use",
        /// The value has 4 bytes, which is too small for a socket's cookie.
        SmallValue = "small_value",
        /// A writable mapping of the first page.
        ToWrite = "to_write",
        /// A writable mapping of the second page.
        ToWriteSecondPage = "to_write_second_page",
        /// `BPF_F_CPU`, with the number of a CPU in the upper half of the flags. The call accesses
        /// the value of this CPU.
        OneCpu = "one_cpu",
        /// `BPF_F_CPU`, and the number is not that of a possible CPU.
        UnknownCpu = "unknown_cpu",
        /// `BPF_F_ALL_CPUS`: the same value is written for each CPU.
        AllCpus = "all_cpus",
        /// A bit in the upper half of the flags is set, and `BPF_F_CPU` is not.
        UnknownHighFlags = "unknown_high_flags",
    }

    /// Returns its name in `snake_case`.
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

/// The known answers from one kernel version on. There is more than one if stable releases of the
/// same line answer differently.
#[derive(Debug, Clone, Copy)]
pub struct Since {
    /// The first kernel.
    pub kernel: KernelVersion,
    /// The possible answers.
    pub answers: &'static [Answer],
}

/// The answers of all kernels, oldest first. The last entry at or before a kernel version applies
/// to it.
pub type Answers = &'static [Since];

/// The answers to an operation under a condition.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The condition.
    pub condition: Condition,
    /// The answers.
    pub answers: Answers,
}

/// The kernel's answers to an operation on a map type.
#[derive(Debug, Clone, Copy)]
pub struct OperationFacts {
    /// The operation.
    pub operation: Operation,
    /// A case for each known condition. The first is always [`Condition::Plain`].
    pub cases: &'static [Case],
}

impl OperationFacts {
    /// Returns the first kernel that supports the operation, or `None` if no kernel does.
    #[must_use]
    pub const fn since(&self) -> Option<KernelVersion> {
        self.succeeds_since(Condition::Plain)
    }

    /// Returns the first kernel on which the operation succeeds under `condition`. Returns `None`
    /// if there is no such kernel or the table has no such case.
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

    /// Returns the errno with which a kernel that lacks the operation answers a valid call, or
    /// `None` if no kernel lacks it.
    #[must_use]
    pub fn refusal(&self) -> Option<Errno> {
        self.cases.first()?.answers.iter().find_map(|row| match row.answers {
            [Answer::Err(errno)] => Some(*errno),
            _ => None,
        })
    }

    /// Returns whether the table has a case for `condition`.
    #[must_use]
    pub fn answers_known(&self, condition: Condition) -> bool {
        self.cases.iter().any(|case| case.condition == condition)
    }

    /// Returns the possible answers of `kernel` under `condition`. If the kernel is older than all
    /// entries of the case, these are its answers to a plain call. Returns `None` if the table has
    /// no such case.
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

/// Returns the first kernel whose answers include success.
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
