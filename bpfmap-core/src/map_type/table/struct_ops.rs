//! Structs of functions that the kernel calls. Source: `kernel/bpf/bpf_struct_ops.c`.

use super::{cases, operations, row, v};
use crate::Errno;
use crate::map_type::{BtfRule, InnerRule, KeyRule, MapType, MaxEntriesRule, ValueRule};

/// `BPF_MAP_TYPE_STRUCT_OPS`.
pub const STRUCT_OPS: MapType = MapType {
    summary: "A kernel struct whose functions are implemented by programs.",
    key: KeyRule::Index,
    value: ValueRule::StructOps,
    max_entries: MaxEntriesRule::One,
    flags: &[("link", v(6, 4)), ("vtype_btf_obj_fd", v(6, 9))],
    as_inner: InnerRule::Refused(Errno::ENOTSUPP),
    btf: BtfRule::Refused(Errno::EINVAL),
    operations: operations! {
        Lookup: cases! {
            Plain: (5, 6) Ok;
            OutOfRange: (5, 6) ENOENT;
        },
        // An update registers the struct. With the flag `link`, it only prepares the struct for a link.
        Update: cases! {
            Plain: (5, 6) Ok;
            NoExist: (5, 6) EINVAL;
            OutOfRange: (5, 6) E2BIG;
            Twice: (5, 6) EBUSY;
        },
        // A deletion unregisters the struct. With the flag `link`, closing the link unregisters the struct.
        Delete: cases! {
            Plain: (5, 6) Ok;
            Missing: (5, 6) ENOENT;
            Twice: (5, 6) EINPROGRESS;
            WithLink: (6, 4) EOPNOTSUPP;
        },
        GetNextKey: cases! {
            Plain: (5, 6) Ok;
            NoKey: (5, 6) Ok;
            LastKey: (5, 6) ENOENT;
        },
        Freeze: cases! { Plain: (5, 2) ENOTSUPP; },
    },
    sources: &[
        "kernel/bpf/bpf_struct_ops.c: bpf_struct_ops_map_alloc_check, bpf_struct_ops_map_update_elem, bpf_struct_ops_map_delete_elem, bpf_struct_ops_map_sys_lookup_elem",
    ],
    ..row("struct_ops", 26, v(5, 6))
};
