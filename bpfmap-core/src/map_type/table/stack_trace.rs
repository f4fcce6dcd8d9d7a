//! Stacks. Source: `kernel/bpf/stackmap.c`.

use super::{FREEZE, cases, operations, v};
use crate::Errno;
use crate::map_type::{
    BatchCursor, BtfRule, EventRule, InnerRule, KeyRule, MapExtraRule, MapType, MaxEntriesRule,
    MemoryRule, Privilege, ValueRule,
};

/// `BPF_MAP_TYPE_STACK_TRACE`.
pub const STACK_TRACE: MapType = MapType {
    name: "stack_trace",
    number: 7,
    since: v(4, 6),
    summary: "Stacks of the kernel and of processes, by an id that programs get.",
    privilege: Privilege::Bpf,
    per_cpu: false,
    key: KeyRule::Number,
    value: ValueRule::Stack,
    max_entries: MaxEntriesRule::AtLeastOne { max: 1 << 31 },
    memory: MemoryRule::Stacks,
    map_extra: MapExtraRule::Zero,
    required_flags: &[],
    flags: &[
        ("numa_node", v(4, 14)),
        ("rdonly", v(4, 15)),
        ("wronly", v(4, 15)),
        ("stack_build_id", v(4, 17)),
    ],
    events: EventRule::Nothing,
    as_inner: InnerRule::AnyEntries,
    btf: BtfRule::Refused(Errno::ENOTSUPP),
    special_fields: &[],
    operations: operations! {
        Lookup: cases! {
            Plain: (4, 6) Ok;
            Missing: (4, 6) ENOENT;
            OutOfRange: (4, 6) ENOENT;
            UnknownFlags: (4, 6) EINVAL;
            LockWithoutSpinLock: (5, 1) EINVAL;
        },
        // Only programs put stacks in.
        Update: cases! {
            Plain: (4, 6) EINVAL;
            UnknownFlags: (4, 6) EINVAL;
        },
        Delete: cases! {
            Plain: (4, 6) Ok;
            Missing: (4, 6) ENOENT;
            OutOfRange: (4, 6) E2BIG;
        },
        GetNextKey: cases! {
            Plain: (4, 6) EINVAL, (4, 16) Ok;
            NoKey: (4, 16) Ok;
            AbsentKey: (4, 16) Ok;
            LastKey: (4, 16) ENOENT;
        },
        LookupAndDelete: cases! {
            Plain: (4, 20) ENOTSUPP, (6, 18) Ok;
            Missing: (6, 18) ENOENT;
        },
        Freeze: FREEZE,
    },
    batch_cursor: BatchCursor::None,
    added_flags: &[],
    evicts: false,
    successor: None,
    sources: &[
        "kernel/bpf/stackmap.c: stack_map_alloc, __bpf_get_stackid, bpf_stackmap_extract, stack_map_get_next_key, stack_map_delete_elem, stack_trace_map_ops",
    ],
};
