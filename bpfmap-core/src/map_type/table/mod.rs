//! The rows, a file a family of map types.

mod arena;
mod array;
mod bloom_filter;
mod flags;
mod hash;
mod insn_array;
mod lpm_trie;
mod objects;
mod queue_stack;
mod redirect;
mod sockets;
mod special_fields;
mod stack_trace;
mod storage;
mod streams;
mod struct_ops;

use super::{Case, MapType, OperationFacts};
use crate::KernelVersion;

pub use arena::ARENA;
pub use array::{ARRAY, PERCPU_ARRAY};
pub use bloom_filter::BLOOM_FILTER;
pub use flags::MAP_FLAGS;
pub use hash::{HASH, LRU_HASH, LRU_PERCPU_HASH, PERCPU_HASH, RHASH};
pub use insn_array::INSN_ARRAY;
pub use lpm_trie::LPM_TRIE;
pub use objects::{ARRAY_OF_MAPS, CGROUP_ARRAY, HASH_OF_MAPS, PROG_ARRAY};
pub use queue_stack::{QUEUE, STACK};
pub use redirect::{CPUMAP, DEVMAP, DEVMAP_HASH, XSKMAP};
pub use sockets::{REUSEPORT_SOCKARRAY, SOCKHASH, SOCKMAP};
pub use stack_trace::STACK_TRACE;
pub use storage::{
    CGROUP_STORAGE, CGRP_STORAGE, INODE_STORAGE, PERCPU_CGROUP_STORAGE, SK_STORAGE, TASK_STORAGE,
};
pub use streams::{PERF_EVENT_ARRAY, RINGBUF, USER_RINGBUF};
pub use struct_ops::STRUCT_OPS;

/// Every map type, by number.
pub static MAP_TYPES: &[MapType] = &[
    HASH,
    ARRAY,
    PROG_ARRAY,
    PERF_EVENT_ARRAY,
    PERCPU_HASH,
    PERCPU_ARRAY,
    STACK_TRACE,
    CGROUP_ARRAY,
    LRU_HASH,
    LRU_PERCPU_HASH,
    LPM_TRIE,
    ARRAY_OF_MAPS,
    HASH_OF_MAPS,
    DEVMAP,
    SOCKMAP,
    CPUMAP,
    XSKMAP,
    SOCKHASH,
    CGROUP_STORAGE,
    REUSEPORT_SOCKARRAY,
    PERCPU_CGROUP_STORAGE,
    QUEUE,
    STACK,
    SK_STORAGE,
    DEVMAP_HASH,
    STRUCT_OPS,
    RINGBUF,
    INODE_STORAGE,
    TASK_STORAGE,
    BLOOM_FILTER,
    USER_RINGBUF,
    CGRP_STORAGE,
    ARENA,
    INSN_ARRAY,
    RHASH,
];

/// What other loaders and languages call a map type, and that type.
pub static OTHER_NAMES: &[(&str, &MapType)] = &[
    ("hashmap", &HASH),
    ("map", &HASH),
    ("perf_buffer", &PERF_EVENT_ARRAY),
    ("ring_buffer", &RINGBUF),
    ("trie", &LPM_TRIE),
];

/// `KMALLOC_MAX_SIZE` with 4 KiB pages, `include/linux/slab.h`.
const KMALLOC_MAX_SIZE: u32 = 4 << 20;

/// `PCPU_MIN_UNIT_SIZE`, `include/linux/percpu.h`: what one CPU's share of a value may take.
const PCPU_MIN_UNIT_SIZE: u32 = 32 << 10;

/// How many entries a table of buckets of 16 bytes can have: the size of all buckets, as many as entries and a power of
/// two, has to fit 32 bits.
const MAX_HASH_ENTRIES: u32 = 1 << 27;

const fn v(major: u16, minor: u16) -> KernelVersion {
    KernelVersion::new(major, minor)
}

/// `cases! { Missing: (3, 19) ENOENT, (7, 0) Ok | ENOENT; … }`
macro_rules! cases {
    ($($condition:ident: $(($major:literal, $minor:literal) $($answer:ident)|+),+;)+) => {
        &[$(crate::map_type::Case {
            condition: crate::map_type::Condition::$condition,
            answers: &[$(crate::map_type::Since {
                kernel: crate::KernelVersion::new($major, $minor),
                answers: &[$(crate::map_type::table::answer!($answer)),+],
            }),+],
        }),+]
    };
}
use cases;

macro_rules! answer {
    (Ok) => {
        crate::map_type::Answer::Ok
    };
    ($errno:ident) => {
        crate::map_type::Answer::Err(crate::Errno::$errno)
    };
}
use answer;

/// `operations! { Lookup: LOOKUP, … }`
macro_rules! operations {
    ($($operation:ident: $cases:expr,)+) => {
        &[$(crate::map_type::OperationFacts {
            operation: crate::map_type::Operation::$operation,
            cases: $cases,
        }),+]
    };
}
use operations;

/// What a map type answers that has nothing of its own to say of an operation, since its `map_ops`
/// lacks it: `kernel/bpf/syscall.c`, `bpf_map_do_batch`, `map_lookup_and_delete_elem` and
/// `bpf_map_mmap`.
const NOT_SUPPORTED: &[Case] = cases! { Plain: (3, 19) ENOTSUPP; };

/// The operations of a map type that has none.
pub(super) static LACKING: &[OperationFacts] = operations! {
    Lookup: NOT_SUPPORTED,
    Update: NOT_SUPPORTED,
    Delete: NOT_SUPPORTED,
    GetNextKey: NOT_SUPPORTED,
    LookupAndDelete: NOT_SUPPORTED,
    LookupBatch: NOT_SUPPORTED,
    UpdateBatch: NOT_SUPPORTED,
    DeleteBatch: NOT_SUPPORTED,
    LookupAndDeleteBatch: NOT_SUPPORTED,
    Mmap: NOT_SUPPORTED,
    Freeze: NOT_SUPPORTED,
};

/// `kernel/bpf/syscall.c`, `map_freeze`. A second freeze is EBUSY up to 6.4; from 6.5 the
/// descriptor counts as read-only. A value with fields of the kernel's own can't be frozen: timers
/// and kptrs since they are known, spin locks from 6.2.
const FREEZE: &[Case] = cases! {
    Plain: (5, 2) Ok;
    Twice: (5, 2) EBUSY, (6, 5) EPERM;
    WithSpinLock: (5, 2) Ok, (6, 2) ENOTSUPP;
    WithSpecialField: (5, 2) Ok, (5, 15) ENOTSUPP;
};

#[cfg(test)]
mod tests {
    use std::format;
    use std::vec::Vec;

    use super::*;
    use crate::Errno;
    use crate::map_type::{Answer, Condition, Operation, Since};

    #[test]
    fn each_row_speaks_of_an_operation_once_and_in_order() {
        let all: Vec<Operation> = LACKING.iter().map(|facts| facts.operation).collect();
        assert_eq!(all, Operation::ALL);
        for row in MAP_TYPES {
            let said = |operation: &Operation| {
                row.operations.iter().any(|facts| facts.operation == *operation)
            };
            let in_order: Vec<Operation> = Operation::ALL.iter().copied().filter(said).collect();
            let operations: Vec<Operation> =
                row.operations.iter().map(|facts| facts.operation).collect();
            assert_eq!(operations, in_order, "{}", row.name);
        }
    }

    #[test]
    fn the_first_case_is_the_plain_call_and_no_condition_stands_twice() {
        for row in MAP_TYPES {
            for OperationFacts { operation, cases } in row.operations {
                let context = format!("{} {}", row.name, operation.name());
                assert_eq!(cases[0].condition, Condition::Plain, "{context}");
                for (index, case) in cases.iter().enumerate() {
                    let first = cases.iter().position(|other| other.condition == case.condition);
                    assert_eq!(first, Some(index), "{context}: {:?}", case.condition);
                }
            }
        }
    }

    #[test]
    fn answers_go_forward_in_time_and_are_never_empty() {
        for row in MAP_TYPES {
            for case in row.operations.iter().flat_map(|facts| facts.cases) {
                let context = format!("{} {:?}", row.name, case.condition);
                assert!(case.answers.is_sorted_by(|a, b| a.kernel < b.kernel), "{context}");
                assert!(case.answers.iter().all(|since| !since.answers.is_empty()), "{context}");
            }
        }
    }

    #[test]
    fn an_operation_has_one_answer_where_it_is_missing() {
        for row in MAP_TYPES {
            for facts in row.operations {
                let refusals = facts.cases[0]
                    .answers
                    .iter()
                    .filter(|Since { answers, .. }| !answers.contains(&Answer::Ok));
                assert!(refusals.count() <= 1, "{} {}", row.name, facts.operation.name());
            }
        }
    }

    #[test]
    fn numbers_and_names_are_unique_and_flags_are_known() {
        assert!(MAP_TYPES.is_sorted_by(|a, b| a.number < b.number));
        for row in MAP_TYPES {
            assert!(std::ptr::eq(MapType::by_name(row.name).unwrap(), row));
            for (flag, since) in row.flags {
                let known = crate::map_type::MapFlag::by_name(flag).expect(flag);
                assert!(known.since <= *since, "{} {flag}", row.name);
            }
            for flag in row.required_flags {
                assert!(row.flag_since(flag).is_some(), "{} {flag}", row.name);
            }
        }
    }

    #[test]
    fn old_kernels_refuse_what_came_later() {
        let hash = MapType::by_name("hash").unwrap();
        let take = hash.operation(Operation::LookupAndDelete);
        assert_eq!(take.since(), Some(v(5, 14)));
        assert_eq!(
            take.answers_on(Condition::Missing, v(5, 10)),
            Some(&[Answer::Err(Errno::ENOTSUPP)][..])
        );
        assert_eq!(
            take.answers_on(Condition::Missing, v(6, 1)),
            Some(&[Answer::Err(Errno::ENOENT)][..])
        );
        assert_eq!(take.answers_on(Condition::PrefixTooLong, v(6, 1)), None);
    }
}
