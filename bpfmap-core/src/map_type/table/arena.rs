//! Memory that programs and user space share. Source: `kernel/bpf/arena.c`.

use super::{FREEZE, cases, operations, row, v};
use crate::map_type::{BtfRule, MapExtraRule, MapType, MaxEntriesRule};

/// `BPF_MAP_TYPE_ARENA`.
pub const ARENA: MapType = MapType {
    summary: "Memory that programs and user space share. Both use the same addresses for this \
              memory.",
    max_entries: MaxEntriesRule::Pages { max: 1 << 20 },
    map_extra: MapExtraRule::Address,
    required_flags: &["mmapable"],
    flags: &[("mmapable", v(6, 9)), ("segv_on_fault", v(6, 9)), ("no_user_conv", v(6, 9))],
    btf: BtfRule::Nothing,
    operations: operations! {
        Lookup: cases! { Plain: (6, 9) EINVAL; },
        Update: cases! { Plain: (6, 9) EOPNOTSUPP; },
        Delete: cases! { Plain: (6, 9) EOPNOTSUPP; },
        GetNextKey: cases! { Plain: (6, 9) EOPNOTSUPP; },
        Mmap: cases! { Plain: (6, 9) Ok; },
        Freeze: FREEZE,
    },
    sources: &[
        "kernel/bpf/arena.c: arena_map_alloc, arena_map_mmap, arena_vm_fault, arena_map_ops",
    ],
    ..row("arena", 33, v(6, 9))
};
