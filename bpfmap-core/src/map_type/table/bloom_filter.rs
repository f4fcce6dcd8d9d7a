//! The Bloom filter. Source: `kernel/bpf/bloom_filter.c`.

use super::{FREEZE, KMALLOC_MAX_SIZE, cases, operations, v};
use crate::map_type::{
    BatchCursor, BtfRule, EventRule, InnerRule, KeyRule, MapExtraRule, MapType, MaxEntriesRule,
    MemoryRule, Privilege, ValueRule,
};

/// `BPF_MAP_TYPE_BLOOM_FILTER`.
pub const BLOOM_FILTER: MapType = MapType {
    name: "bloom_filter",
    number: 30,
    since: v(5, 16),
    summary: "Which values were added: surely not, or maybe.",
    privilege: Privilege::Bpf,
    per_cpu: false,
    key: KeyRule::Keyless,
    value: ValueRule::Plain { max_size: KMALLOC_MAX_SIZE },
    max_entries: MaxEntriesRule::AtLeastOne { max: u32::MAX },
    memory: MemoryRule::Free,
    map_extra: MapExtraRule::HashFunctions { max: 15 },
    required_flags: &[],
    flags: &[
        ("numa_node", v(5, 16)),
        ("rdonly", v(5, 16)),
        ("wronly", v(5, 16)),
        ("zero_seed", v(5, 16)),
        ("rdonly_prog", v(5, 16)),
        ("wronly_prog", v(5, 16)),
    ],
    events: EventRule::Nothing,
    as_inner: InnerRule::AnyEntries,
    btf: BtfRule::Optional,
    special_fields: &[],
    operations: operations! {
        // The value is what is asked for.
        Lookup: cases! {
            Plain: (5, 16) Ok;
            Empty: (5, 16) ENOENT;
            KeyGiven: (5, 16) EINVAL;
            UnknownFlags: (5, 16) EINVAL;
            LockWithoutSpinLock: (5, 16) EINVAL;
        },
        // One that has more values than it was made for errs more often, and refuses none.
        Update: cases! {
            Plain: (5, 16) Ok;
            ExistOnMissing: (5, 16) EINVAL;
            FullNewKey: (5, 16) Ok;
            UnknownFlags: (5, 16) EINVAL;
            NoExist: (5, 16) EINVAL;
            NoExistAndExist: (5, 16) EINVAL;
            LockWithoutSpinLock: (5, 16) EINVAL;
            KeyGiven: (5, 16) EINVAL;
        },
        Delete: cases! { Plain: (5, 16) EOPNOTSUPP; },
        GetNextKey: cases! { Plain: (5, 16) EOPNOTSUPP; },
        Freeze: FREEZE,
    },
    batch_cursor: BatchCursor::None,
    added_flags: &[],
    evicts: false,
    successor: None,
    sources: &[
        "kernel/bpf/bloom_filter.c: bloom_map_alloc_check, bloom_map_alloc, bloom_map_push_elem, bloom_map_peek_elem, bloom_filter_map_ops",
    ],
};
