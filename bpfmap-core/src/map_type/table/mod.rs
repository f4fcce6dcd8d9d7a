//! The rows of the table. Each file contains one family of map types.

mod arena;
mod array;
mod bloom_filter;
mod flags;
mod hash;
mod helpers;
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

use super::{
    BatchCursor, BtfRule, Case, Condition, EventRule, InnerRule, KeyRule, MapExtraRule, MapType,
    MaxEntriesRule, MemoryRule, OperationFacts, Privilege, ValueRule,
};
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

/// All map types, in the order of their numbers.
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

/// Names that other loaders and languages use for map types. Each name is listed with the map type that it means.
pub static OTHER_NAMES: &[(&str, &MapType)] = &[
    ("hashmap", &HASH),
    ("map", &HASH),
    ("perf_buffer", &PERF_EVENT_ARRAY),
    ("ring_buffer", &RINGBUF),
    ("trie", &LPM_TRIE),
];

/// The value of `KMALLOC_MAX_SIZE` with pages of 4 KiB. Source: `include/linux/slab.h`.
const KMALLOC_MAX_SIZE: u32 = 4 << 20;

/// The maximum size of one CPU's value. Source: `PCPU_MIN_UNIT_SIZE` in `include/linux/percpu.h`.
const PCPU_MIN_UNIT_SIZE: u32 = 32 << 10;

/// The maximum number of entries of a hash table with buckets of 16 bytes. The number of buckets is the number of
/// entries, rounded up to a power of two. The total size of the buckets must fit in 32 bits.
const MAX_HASH_ENTRIES: u32 = 1 << 27;

/// Returns a row with default rules. The map type then needs `CAP_BPF` and at least one entry, and has neither keys nor
/// values.
const fn row(name: &'static str, number: u32, since: KernelVersion) -> MapType {
    MapType {
        name,
        number,
        since,
        summary: "",
        privilege: Privilege::Bpf,
        per_cpu: false,
        key: KeyRule::Keyless,
        value: ValueRule::Valueless,
        max_entries: MaxEntriesRule::AtLeastOne { max: u32::MAX },
        memory: MemoryRule::Free,
        map_extra: MapExtraRule::Zero,
        required_flags: &[],
        flags: &[],
        btf: BtfRule::Optional,
        special_fields: &[],
        operations: &[],
        helpers: &[],
        events: EventRule::Nothing,
        as_inner: InnerRule::AnyEntries,
        batch_cursor: BatchCursor::None,
        added_flags: &[],
        evicts: false,
        resizes: false,
        successor: None,
        sources: &[],
    }
}

const fn v(major: u16, minor: u16) -> KernelVersion {
    KernelVersion::new(major, minor)
}

/// Returns a list of cases, as in `cases! { Missing: (3, 19) ENOENT, (7, 0) Ok | ENOENT; … }`. If
/// the list begins with `..LOOKUP;`, the result contains the cases of `LOOKUP`, and each case in
/// the list replaces the case of `LOOKUP` that has the same condition.
macro_rules! cases {
    (..$base:ident; ..$changes:ident;) => {{
        const CASES: [crate::map_type::Case; crate::map_type::table::changed_length($base, $changes)] =
            crate::map_type::table::changed($base, $changes);
        &CASES
    }};
    (..$base:ident; ..$more:ident; $($rest:tt)+) => {{
        const BASE: &[crate::map_type::Case] = cases! { ..$base; ..$more; };
        cases! { ..BASE; $($rest)+ }
    }};
    (..$base:ident; $($rest:tt)+) => {{
        const CHANGES: &[crate::map_type::Case] = cases! { $($rest)+ };
        cases! { ..$base; ..CHANGES; }
    }};
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

/// Returns a list of operations with their cases, as in `operations! { Lookup: LOOKUP, … }`.
macro_rules! operations {
    ($($operation:ident: $cases:expr,)+) => {
        &[$(crate::map_type::OperationFacts {
            operation: crate::map_type::Operation::$operation,
            cases: $cases,
        }),+]
    };
}
use operations;

/// Returns the index of the case for `condition`, or the number of cases if there is none.
const fn place_of(condition: Condition, cases: &[Case]) -> usize {
    let mut place = 0;
    while place < cases.len() && cases[place].condition as u8 != condition as u8 {
        place += 1;
    }
    place
}

const fn changed_length(base: &[Case], changes: &[Case]) -> usize {
    let (mut length, mut index) = (base.len(), 0);
    while index < changes.len() {
        if place_of(changes[index].condition, base) == base.len() {
            length += 1;
        }
        index += 1;
    }
    length
}

/// Returns `base` with `changes`. A change replaces the case with the same condition. If `base` has no such case, the
/// change is appended.
const fn changed<const LENGTH: usize>(base: &[Case], changes: &[Case]) -> [Case; LENGTH] {
    let mut cases = [base[0]; LENGTH];
    let (mut index, mut length) = (0, base.len());
    while index < length {
        cases[index] = base[index];
        index += 1;
    }
    index = 0;
    while index < changes.len() {
        let mut place = place_of(changes[index].condition, base);
        if place == base.len() {
            place = length;
            length += 1;
        }
        cases[place] = changes[index];
        index += 1;
    }
    cases
}

/// The answers of a map type whose `map_ops` does not contain the operation. Source: `kernel/bpf/syscall.c`,
/// `bpf_map_do_batch`, `map_lookup_and_delete_elem` and `bpf_map_mmap`.
const NOT_SUPPORTED: &[Case] = cases! { Plain: (3, 19) ENOTSUPP; };

/// The facts of a map type that does not support any operation.
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

/// The results of `BPF_MAP_FREEZE`. A second freeze returns EBUSY up to Linux 6.4. From Linux 6.5
/// on, the file descriptor of a frozen map is read-only. A map whose value has special fields can't
/// be frozen. For timers and kptrs, this is true of every kernel that supports them; for spin
/// locks, it is true from Linux 6.2 on. Source: `map_freeze` in `kernel/bpf/syscall.c`.
const FREEZE: &[Case] = cases! {
    Plain: (5, 2) Ok;
    Twice: (5, 2) EBUSY, (6, 5) EPERM;
    WithSpinLock: (5, 2) Ok, (6, 2) ENOTSUPP;
    WithSpecialField: (5, 2) Ok, (5, 15) ENOTSUPP;
};

/// The answers to a lookup by key.
const LOOKUP: &[Case] = cases! {
    Plain: (3, 19) Ok;
    Missing: (3, 19) ENOENT;
    UnknownFlags: (3, 19) EINVAL;
    LockWithoutSpinLock: (5, 1) EINVAL;
};

/// The answers to a lookup by index in a map whose slots can be empty.
const LOOKUP_SLOT: &[Case] = cases! { ..LOOKUP; OutOfRange: (3, 19) ENOENT; };

/// Linux 7.0 added `BPF_F_CPU` and `BPF_F_ALL_CPUS`. Lookups do not support `BPF_F_ALL_CPUS`.
const READ_ONE_CPU: &[Case] = cases! {
    OneCpu: (4, 6) EINVAL, (7, 0) Ok;
    UnknownCpu: (4, 6) EINVAL, (7, 0) ERANGE;
    AllCpus: (4, 6) EINVAL;
};

/// The cases of [`READ_ONE_CPU`], and the case of a call that writes the same value for all CPUs.
const WRITE_ONE_CPU: &[Case] = cases! { ..READ_ONE_CPU; AllCpus: (4, 6) EINVAL, (7, 0) Ok; };

/// The answers to updates of maps that always have space for a new key.
const UPDATE_UNBOUNDED: &[Case] = cases! {
    Plain: (3, 19) Ok;
    NoExistOnPresent: (3, 19) EEXIST;
    ExistOnMissing: (3, 19) ENOENT;
    UnknownFlags: (3, 19) EINVAL;
    NoExistAndExist: (3, 19) EINVAL;
    LockWithoutSpinLock: (5, 1) EINVAL;
};

/// The answers to updates of maps whose number of entries is limited by `max_entries`.
const UPDATE: &[Case] = cases! {
    ..UPDATE_UNBOUNDED;
    FullNewKey: (3, 19) E2BIG;
    FullPresentKey: (3, 19) Ok;
    FullExistOnMissing: (3, 19) ENOENT;
};

/// The answers to a deletion by key.
const DELETE: &[Case] = cases! {
    Plain: (3, 19) Ok;
    Missing: (3, 19) ENOENT;
};

/// The answers to a deletion by index in a map whose slots can be empty.
const DELETE_SLOT: &[Case] = cases! { ..DELETE; OutOfRange: (3, 19) E2BIG; };

/// The answers to an iteration over the indices of an array. Each index is a key, even if its slot is empty. Source:
/// `bpf_array_get_next_key`.
const NEXT_KEY: &[Case] = cases! {
    Plain: (3, 19) Ok;
    NoKey: (4, 12) Ok;
    AbsentKey: (3, 19) Ok;
    LastKey: (3, 19) ENOENT;
};

const LOOKUP_BATCH: &[Case] = cases! {
    Plain: (5, 6) Ok;
    End: (5, 6) ENOENT;
};

#[cfg(test)]
mod tests {
    use std::format;
    use std::vec::Vec;

    use super::*;
    use crate::Errno;
    use crate::map_type::{Answer, Condition, Operation, Since};

    #[test]
    fn each_row_lists_each_operation_at_most_once_and_in_order() {
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
    fn the_first_case_is_the_plain_call_and_conditions_are_unique() {
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
    fn answers_are_in_the_order_of_kernels_and_never_empty() {
        for row in MAP_TYPES {
            for case in row.operations.iter().flat_map(|facts| facts.cases) {
                let context = format!("{} {:?}", row.name, case.condition);
                assert!(case.answers.is_sorted_by(|a, b| a.kernel < b.kernel), "{context}");
                assert!(case.answers.iter().all(|since| !since.answers.is_empty()), "{context}");
            }
        }
    }

    #[test]
    fn an_unsupported_operation_has_a_single_answer() {
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
    fn changed_cases_replace_the_cases_of_the_base() {
        const BASE: &[Case] = cases! { Plain: (4, 6) Ok; Missing: (4, 6) ENOENT; };
        const CHANGED: &[Case] = cases! { ..BASE; End: (5, 6) ENOENT; Missing: (4, 6) EINVAL; };
        let conditions: Vec<Condition> = CHANGED.iter().map(|case| case.condition).collect();
        assert_eq!(conditions, [Condition::Plain, Condition::Missing, Condition::End]);
        assert_eq!(CHANGED[1].answers[0].answers, [Answer::Err(Errno::EINVAL)]);
    }

    #[test]
    fn old_kernels_refuse_newer_operations() {
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
