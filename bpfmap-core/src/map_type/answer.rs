//! The results of operations, which depend on a condition and on the kernel version.

use crate::{Errno, KernelVersion};

named! {
    /// An operation of user space on a map. Most operations are commands of bpf(2).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum Operation {
        /// `BPF_MAP_LOOKUP_ELEM`, which is "peek" for a queue or a stack.
        Lookup = "lookup",
        /// `BPF_MAP_UPDATE_ELEM`, which is "push" for a queue or a stack.
        Update = "update",
        /// `BPF_MAP_DELETE_ELEM`.
        Delete = "delete",
        /// `BPF_MAP_GET_NEXT_KEY`.
        GetNextKey = "get_next_key",
        /// `BPF_MAP_LOOKUP_AND_DELETE_ELEM`, which is "pop" for a queue or a stack.
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

    /// Returns the name of the operation in `snake_case`.
    fn name;
}

impl Operation {
    /// If some map types require a creation flag for the operation, returns the name of this flag
    /// in a schema. Returns `None` if the operation never requires a flag. If a map type
    /// requires the flag, its facts contain the condition [`Condition::WithoutFlag`].
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
        /// No special condition: the call is valid. Only a kernel that does not support the
        /// operation refuses the call.
        Plain = "plain",
        /// The key is not in the map.
        Missing = "missing",
        /// The flag is `BPF_NOEXIST`, and the key is in the map.
        NoExistOnPresent = "no_exist_on_present",
        /// The flag is `BPF_EXIST`, and the key is not in the map.
        ExistOnMissing = "exist_on_missing",
        /// The map is full, and the key is not in the map.
        FullNewKey = "full_new_key",
        /// The map is full, and the key is in the map.
        FullPresentKey = "full_present_key",
        /// The flag is `BPF_EXIST`, the map is full, and the key is not in the map.
        FullExistOnMissing = "full_exist_on_missing",
        /// The flag is `BPF_EXIST`, and the queue or stack is full. With this flag, the kernel removes the oldest
        /// element to make room.
        FullOverwrite = "full_overwrite",
        /// The index is `max_entries` or more.
        OutOfRange = "out_of_range",
        /// The value is not an open file descriptor.
        BadDescriptor = "bad_descriptor",
        /// The value is a file descriptor, but the map type can't contain objects of its kind.
        OtherObject = "other_object",
        /// The key is not an open file descriptor.
        BadOwner = "bad_owner",
        /// The key is a file descriptor, but the map type can't attach values to objects of its kind.
        OtherOwner = "other_owner",
        /// The flags contain a bit that has no meaning in any kernel.
        UnknownFlags = "unknown_flags",
        /// The flag is `BPF_NOEXIST`, and the map has no keys.
        NoExist = "no_exist",
        /// The flags are `BPF_NOEXIST | BPF_EXIST`.
        NoExistAndExist = "no_exist_and_exist",
        /// The flag is `BPF_F_LOCK`, and the value has no spin lock.
        LockWithoutSpinLock = "lock_without_spin_lock",
        /// The prefix length is greater than the number of bits in the key's data.
        PrefixTooLong = "prefix_too_long",
        /// The map is empty.
        Empty = "empty",
        /// The call has no key, so the iteration starts.
        NoKey = "no_key",
        /// The iteration continues after a key that is not in the map. The result is the first key or index 0.
        AbsentKey = "absent_key",
        /// The iteration continues after the last key.
        LastKey = "last_key",
        /// The call has a key, but the map has no keys.
        KeyGiven = "key_given",
        /// The batch requests more entries than are left.
        End = "end",
        /// The element flags of a batch are `BPF_NOEXIST` or `BPF_EXIST`.
        BatchElementFlags = "batch_element_flags",
        /// The map is already frozen.
        Twice = "twice",
        /// The value has a spin lock.
        WithSpinLock = "with_spin_lock",
        /// The value has a special field other than a spin lock. All kernels that support the field
        /// give the last answer in the list. The kernel version of this last answer is ignored.
        WithSpecialField = "with_special_field",
        /// The map has the flag `link`, so a link registers and unregisters the struct.
        WithLink = "with_link",
        /// The map does not have the creation flag that the operation requires, which is `BPF_F_MMAPABLE`.
        WithoutFlag = "without_flag",
        /// The flag is `BPF_NOEXIST`, and the key is not in the map.
        NoExistOnMissing = "no_exist_on_missing",
        /// The flag is `BPF_NOEXIST`, and the map already contains the same object.
        NoExistOnSame = "no_exist_on_same",
        /// The value is 0 instead of the number of an object. No interface has the index 0, and a queue of length 0
        /// can't contain packets.
        ZeroNumber = "zero_number",
        /// The value is not the index of an interface.
        UnknownInterface = "unknown_interface",
        /// The key is not the number of a CPU.
        ImpossibleCpu = "impossible_cpu",
        /// The queue of a CPU has a length of more than 16384 packets.
        QueueTooLong = "queue_too_long",
        /// The value contains a program for an interface or a CPU, but the program was loaded for a different attach
        /// point.
        ProgramOfOtherKind = "program_of_other_kind",
        /// The map does not accept sockets of this family or in this state.
        UnfitSocket = "unfit_socket",
        /// The value is a connected socket of the family `AF_UNIX`.
        UnixSocket = "unix_socket",
        /// The value is a UDP socket that is not bound.
        UnboundSocket = "unbound_socket",
        /// The value is a socket without the option `SO_REUSEPORT`.
        WithoutReuseport = "without_reuseport",
        /// The value is an `AF_XDP` socket without a receive ring.
        WithoutRing = "without_ring",
        /// The socket is already in a map of this type.
        SocketInUse = "socket_in_use",
        /// The value size of the map is 4 bytes, which is too small for a socket's cookie.
        SmallValue = "small_value",
        /// The mapping is writable and begins at the first page.
        ToWrite = "to_write",
        /// The mapping is writable and begins at the second page.
        ToWriteSecondPage = "to_write_second_page",
        /// The flag is `BPF_F_CPU`, and the upper half of the flags contains the number of a CPU. The call accesses the
        /// value of this CPU.
        OneCpu = "one_cpu",
        /// The flag is `BPF_F_CPU`, and the number in the upper half of the flags is not a possible CPU.
        UnknownCpu = "unknown_cpu",
        /// The flag is `BPF_F_ALL_CPUS`, so the same value is written for each CPU.
        AllCpus = "all_cpus",
        /// The upper half of the flags is not 0, but the flag `BPF_F_CPU` is not set.
        UnknownHighFlags = "unknown_high_flags",
    }

    /// Returns the name of the condition in `snake_case`.
    fn name;
}

impl Condition {}

/// The kernel's answer to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The call succeeds.
    Ok,
    /// The call fails with this errno.
    Err(Errno),
}

/// The answers that are possible from one kernel version on. There is more than one answer if
/// stable releases of the same version behave differently.
#[derive(Debug, Clone, Copy)]
pub struct Since {
    /// The first kernel with these answers.
    pub kernel: KernelVersion,
    /// The possible answers.
    pub answers: &'static [Answer],
}

/// The answers of all kernels, in ascending order of versions. A kernel gives the answers in the
/// last entry whose version is not newer than the kernel.
pub type Answers = &'static [Since];

/// A condition, and the answers to an operation under this condition.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The condition.
    pub condition: Condition,
    /// The answers of all kernels under this condition.
    pub answers: Answers,
}

/// The kernel's answers to an operation on maps of one type.
#[derive(Debug, Clone, Copy)]
pub struct OperationFacts {
    /// The operation.
    pub operation: Operation,
    /// A case for each known condition. The first case is always [`Condition::Plain`].
    pub cases: &'static [Case],
}

impl OperationFacts {
    /// Returns the first kernel that supports the operation, or `None` if no kernel does.
    #[must_use]
    pub const fn since(&self) -> Option<KernelVersion> {
        self.succeeds_since(Condition::Plain)
    }

    /// Returns the first kernel on which the operation succeeds under `condition`. Returns `None` if it succeeds on no
    /// kernel, or if there is no case for the condition.
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

    /// Returns the errno of a valid call on kernels that do not support the operation. Returns
    /// `None` if all kernels support the operation.
    #[must_use]
    pub fn refusal(&self) -> Option<Errno> {
        self.cases.first()?.answers.iter().find_map(|row| match row.answers {
            [Answer::Err(errno)] => Some(*errno),
            _ => None,
        })
    }

    /// Returns whether there is a case for `condition`.
    #[must_use]
    pub fn answers_known(&self, condition: Condition) -> bool {
        self.cases.iter().any(|case| case.condition == condition)
    }

    /// Returns the possible answers of `kernel` under `condition`. If the kernel is older than all entries of the case,
    /// returns the answers to a plain call. Returns `None` if there is no case for the condition.
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
