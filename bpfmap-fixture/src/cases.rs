//! Assigns an attempt to each condition of the facts table.

use bpfmap_core::map_type::{Condition, Operation};

use crate::{
    Answer, Subject, delete, delete_batch, freeze, get_next_key, lookup, lookup_and_delete,
    lookup_and_delete_batch, lookup_batch, mmap, update, update_batch,
};

/// An attempt: a function that tries an operation on a fresh map, and returns the kernel's answer.
/// If the operation succeeds, the function also asserts its effects.
pub(crate) type Attempt = fn(&Subject) -> Answer;

macro_rules! attempts {
    ($($operation:ident $module:ident { $($condition:ident $function:ident)* })*) => {
        /// Returns the function that tries `operation` under `condition`, or `None` if there is no
        /// such function.
        pub(crate) fn attempt(operation: Operation, condition: Condition) -> Option<Attempt> {
            match (operation, condition) {
                $($((Operation::$operation, Condition::$condition) => Some($module::$function),)*)*
                _ => None,
            }
        }
    };
}

attempts! {
    Lookup lookup {
        Plain plain
        Missing missing
        OutOfRange out_of_range
        PrefixTooLong prefix_too_long
        Empty empty
        KeyGiven key_given
        UnknownFlags unknown_flags
        LockWithoutSpinLock lock_without_spin_lock
        SmallValue small_value
        BadOwner bad_owner
        OtherOwner other_owner
        OneCpu one_cpu
        UnknownCpu unknown_cpu
        AllCpus all_cpus
    }
    Update update {
        Plain plain
        NoExistOnPresent no_exist_on_present
        NoExistOnSame no_exist_on_same
        NoExistOnMissing no_exist_on_missing
        Missing missing
        ExistOnMissing exist_on_missing
        FullNewKey full_new_key
        FullPresentKey full_present_key
        FullExistOnMissing full_exist_on_missing
        FullOverwrite full_overwrite
        OutOfRange out_of_range
        BadDescriptor bad_descriptor
        OtherObject other_object
        UnknownFlags unknown_flags
        UnknownHighFlags unknown_high_flags
        OneCpu one_cpu
        UnknownCpu unknown_cpu
        AllCpus all_cpus
        NoExist no_exist
        NoExistAndExist no_exist_and_exist
        LockWithoutSpinLock lock_without_spin_lock
        PrefixTooLong prefix_too_long
        KeyGiven key_given
        ImpossibleCpu impossible_cpu
        SocketInUse socket_in_use
        BadOwner bad_owner
        OtherOwner other_owner
        ZeroNumber zero_number
        UnknownInterface unknown_interface
        QueueTooLong queue_too_long
        ProgramOfOtherKind program_of_other_kind
        UnfitSocket unfit_socket
        UnixSocket unix_socket
        UnboundSocket unbound_socket
        WithoutReuseport without_reuseport
        WithoutRing without_ring
    }
    Delete delete {
        Plain plain
        Missing missing
        OutOfRange out_of_range
        PrefixTooLong prefix_too_long
        BadOwner bad_owner
        OtherOwner other_owner
    }
    GetNextKey get_next_key {
        Plain plain
        NoKey no_key
        AbsentKey absent_key
        LastKey last_key
        Empty empty
    }
    LookupAndDelete lookup_and_delete {
        Plain plain
        Missing missing
        Empty empty
        KeyGiven key_given
        UnknownFlags unknown_flags
        LockWithoutSpinLock lock_without_spin_lock
    }
    LookupBatch lookup_batch {
        Plain plain
        End end
        OneCpu one_cpu
        UnknownCpu unknown_cpu
        AllCpus all_cpus
    }
    UpdateBatch update_batch {
        Plain plain
        BatchElementFlags batch_element_flags
        FullNewKey full_new_key
        OutOfRange out_of_range
        OneCpu one_cpu
        UnknownCpu unknown_cpu
        AllCpus all_cpus
    }
    DeleteBatch delete_batch {
        Plain plain
        Missing missing
    }
    LookupAndDeleteBatch lookup_and_delete_batch {
        Plain plain
        End end
    }
    Mmap mmap {
        Plain plain
        WithoutFlag without_flag
        WithSpinLock with_spin_lock
        WithSpecialField with_special_field
        ToWrite to_write
        ToWriteSecondPage to_write_second_page
    }
    Freeze freeze {
        Plain plain
        Twice twice
        WithSpinLock with_spin_lock
        WithSpecialField with_special_field
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpfmap_core::map_type::{MAP_FLAGS, MAP_TYPES, ValueRule};

    #[test]
    fn each_case_of_the_facts_table_can_be_tried() {
        let rows = MAP_TYPES.iter().filter(|row| row.value != ValueRule::StructOps);
        let of_flags =
            MAP_FLAGS.iter().flat_map(|flag| flag.operations.iter().chain(flag.own_operations));
        for facts in rows.flat_map(|row| row.operations).chain(of_flags) {
            for case in facts.cases {
                let (operation, condition) = (facts.operation, case.condition);
                assert!(attempt(operation, condition).is_some(), "{operation:?} {condition:?}");
            }
        }
    }
}
