//! Arrays of instruction offsets. Source: `kernel/bpf/bpf_insn_array.c`.

use super::{FREEZE, NEXT_KEY, array, cases, operations, row, v};
use crate::Errno;
use crate::map_type::{BtfRule, InnerRule, KeyRule, MapType, ValueRule};

/// `BPF_MAP_TYPE_INSN_ARRAY`. The kernel adds `BPF_F_RDONLY_PROG`.
pub const INSN_ARRAY: MapType = MapType {
    summary: "The offsets that a program's instructions have after the verifier and the JIT \
              compiler have moved them.",
    key: KeyRule::Index,
    value: ValueRule::Instruction,
    as_inner: InnerRule::Refused(Errno::ENOTSUPP),
    // Up to Linux 7.2, no BTF type of the value is accepted: the type would have to be an integer of 8 bytes
    // (`insn_array_check_btf`), but also have the value size of 16 bytes.
    btf: BtfRule::Refused(Errno::EINVAL),
    operations: operations! {
        Lookup: array::LOOKUP,
        // The kernel ignores unknown bits in the lower half of the flags. From Linux 7.0 on, the upper half is the
        // number of a CPU.
        Update: cases! {
            Plain: (6, 19) Ok;
            NoExistOnPresent: (6, 19) EEXIST;
            OutOfRange: (6, 19) E2BIG;
            UnknownFlags: (6, 19) Ok;
            UnknownHighFlags: (6, 19) Ok, (7, 0) EINVAL;
            LockWithoutSpinLock: (6, 19) EINVAL;
        },
        Delete: array::DELETE,
        GetNextKey: NEXT_KEY,
        Freeze: FREEZE,
    },
    added_flags: &["rdonly_prog"],
    sources: &[
        "kernel/bpf/bpf_insn_array.c: insn_array_alloc_check, insn_array_update_elem, bpf_prog_update_insn_ptrs, insn_array_map_ops",
    ],
    ..row("insn_array", 34, v(6, 19))
};
