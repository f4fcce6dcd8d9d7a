//! Stack traces. Source: `kernel/bpf/stackmap.c`.

use super::{DELETE_SLOT, FREEZE, LOOKUP_SLOT, cases, helpers, operations, row, v};
use crate::Errno;
use crate::map_type::{BtfRule, KeyRule, MapType, MaxEntriesRule, MemoryRule, ValueRule};

/// `BPF_MAP_TYPE_STACK_TRACE`.
pub const STACK_TRACE: MapType = MapType {
    summary: "Stack traces of the kernel and of processes. When a program records a stack trace, \
              the program gets an ID, which is the key of the entry.",
    key: KeyRule::Number,
    value: ValueRule::Stack,
    max_entries: MaxEntriesRule::AtLeastOne { max: 1 << 31 },
    memory: MemoryRule::Stacks,
    flags: &[
        ("numa_node", v(4, 14)),
        ("rdonly", v(4, 15)),
        ("wronly", v(4, 15)),
        ("stack_build_id", v(4, 17)),
    ],
    btf: BtfRule::Refused(Errno::ENOTSUPP),
    helpers: helpers::STACK_TRACE,
    operations: operations! {
        Lookup: LOOKUP_SLOT,
        // Only programs can store stack traces.
        Update: cases! {
            Plain: (4, 6) EINVAL;
            UnknownFlags: (4, 6) EINVAL;
        },
        Delete: DELETE_SLOT,
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
    sources: &[
        "kernel/bpf/stackmap.c: stack_map_alloc, __bpf_get_stackid, bpf_stackmap_extract, stack_map_get_next_key, stack_map_delete_elem, stack_trace_map_ops",
    ],
    ..row("stack_trace", 7, v(4, 6))
};
