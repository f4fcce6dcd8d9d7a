//! Arrays of instruction offsets. Source: `kernel/bpf/bpf_insn_array.c`.

use super::{FREEZE, cases, operations, v};
use crate::Errno;
use crate::map_type::{
    BatchCursor, BtfRule, EventRule, InnerRule, KeyRule, MapExtraRule, MapType, MaxEntriesRule,
    MemoryRule, Privilege, ValueRule,
};

/// `BPF_MAP_TYPE_INSN_ARRAY`. The kernel adds `BPF_F_RDONLY_PROG`.
pub const INSN_ARRAY: MapType = MapType {
    name: "insn_array",
    number: 34,
    since: v(6, 19),
    summary: "Where instructions of a program are after the verifier and the JIT moved them.",
    privilege: Privilege::Bpf,
    per_cpu: false,
    key: KeyRule::Index,
    value: ValueRule::Instruction,
    max_entries: MaxEntriesRule::AtLeastOne { max: u32::MAX },
    memory: MemoryRule::Free,
    map_extra: MapExtraRule::Zero,
    required_flags: &[],
    flags: &[],
    events: EventRule::Nothing,
    as_inner: InnerRule::Refused(Errno::ENOTSUPP),
    // Up to 7.2 the value has to be an integer of 8 bytes (`insn_array_check_btf`) as large as the
    // value's 16, which none is.
    btf: BtfRule::Refused(Errno::EINVAL),
    special_fields: &[],
    operations: operations! {
        Lookup: cases! {
            Plain: (6, 19) Ok;
            OutOfRange: (6, 19) ENOENT;
            UnknownFlags: (6, 19) EINVAL;
            LockWithoutSpinLock: (6, 19) EINVAL;
        },
        // Bits of the lower half that no kernel knows are ignored; 7.0 looks for a CPU in the upper half.
        Update: cases! {
            Plain: (6, 19) Ok;
            NoExistOnPresent: (6, 19) EEXIST;
            OutOfRange: (6, 19) E2BIG;
            UnknownFlags: (6, 19) Ok;
            UnknownHighFlags: (6, 19) Ok, (7, 0) EINVAL;
            LockWithoutSpinLock: (6, 19) EINVAL;
        },
        Delete: cases! {
            Plain: (6, 19) EINVAL;
            OutOfRange: (6, 19) EINVAL;
        },
        GetNextKey: cases! {
            Plain: (6, 19) Ok;
            NoKey: (6, 19) Ok;
            AbsentKey: (6, 19) Ok;
            LastKey: (6, 19) ENOENT;
        },
        Freeze: FREEZE,
    },
    batch_cursor: BatchCursor::None,
    added_flags: &["rdonly_prog"],
    evicts: false,
    successor: None,
    sources: &[
        "kernel/bpf/bpf_insn_array.c: insn_array_alloc_check, insn_array_update_elem, bpf_prog_update_insn_ptrs, insn_array_map_ops",
    ],
};
