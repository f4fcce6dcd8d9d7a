//! Memory that programs and user space share. Source: `kernel/bpf/arena.c`.

use super::{FREEZE, cases, operations, v};
use crate::map_type::{
    BatchCursor, BtfRule, EventRule, InnerRule, KeyRule, MapExtraRule, MapType, MaxEntriesRule,
    MemoryRule, Privilege, ValueRule,
};

/// `BPF_MAP_TYPE_ARENA`.
pub const ARENA: MapType = MapType {
    name: "arena",
    number: 33,
    since: v(6, 9),
    summary: "Memory that programs and user space share, at one address for both.",
    privilege: Privilege::Bpf,
    per_cpu: false,
    key: KeyRule::Keyless,
    value: ValueRule::Valueless,
    max_entries: MaxEntriesRule::Pages { max: 1 << 20 },
    memory: MemoryRule::Free,
    map_extra: MapExtraRule::Address,
    required_flags: &["mmapable"],
    flags: &[("mmapable", v(6, 9)), ("segv_on_fault", v(6, 9)), ("no_user_conv", v(6, 9))],
    events: EventRule::Nothing,
    as_inner: InnerRule::AnyEntries,
    btf: BtfRule::Nothing,
    special_fields: &[],
    operations: operations! {
        Lookup: cases! { Plain: (6, 9) EINVAL; },
        Update: cases! { Plain: (6, 9) EOPNOTSUPP; },
        Delete: cases! { Plain: (6, 9) EOPNOTSUPP; },
        GetNextKey: cases! { Plain: (6, 9) EOPNOTSUPP; },
        Mmap: cases! { Plain: (6, 9) Ok; },
        Freeze: FREEZE,
    },
    batch_cursor: BatchCursor::None,
    added_flags: &[],
    evicts: false,
    successor: None,
    sources: &[
        "kernel/bpf/arena.c: arena_map_alloc, arena_map_mmap, arena_vm_fault, arena_map_ops",
    ],
};
