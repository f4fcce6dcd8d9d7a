//! Maps of programs, of cgroups and of maps. Source: `kernel/bpf/arraymap.c`, `kernel/bpf/hashtab.c` and
//! `kernel/bpf/map_in_map.c`.

use super::{
    DELETE, DELETE_SLOT, FREEZE, KMALLOC_MAX_SIZE, MAX_HASH_ENTRIES, NEXT_KEY, UPDATE, cases,
    helpers, operations, row, v,
};
use crate::Errno;
use crate::map_type::{
    BatchCursor, BtfRule, Case, InnerRule, KernelObject, KeyRule, MapType, MaxEntriesRule,
    MemoryRule, Privilege, ValueRule,
};

/// `BPF_MAP_TYPE_PROG_ARRAY`.
pub const PROG_ARRAY: MapType = MapType {
    summary: "An array of programs, which other programs call with a tail call. If the slot is \
              empty or the index is out of range, the caller continues with the next instruction. \
              A chain can consist of at most 33 tail calls.",
    privilege: Privilege::None,
    key: KeyRule::Index,
    value: ValueRule::Object(KernelObject::Program),
    memory: MemoryRule::Array,
    flags: &[("numa_node", v(4, 14)), ("rdonly", v(4, 15)), ("wronly", v(4, 15))],
    as_inner: InnerRule::Refused(Errno::ENOTSUPP),
    helpers: helpers::PROG_ARRAY,
    operations: operations! {
        Lookup: LOOKUP_ID,
        Update: UPDATE_SLOT,
        Delete: DELETE_SLOT,
        GetNextKey: NEXT_KEY,
        Freeze: FREEZE,
    },
    sources: &[
        "kernel/bpf/arraymap.c: fd_array_map_alloc_check, bpf_fd_array_map_update_elem, __fd_array_map_delete_elem, prog_fd_array_get_ptr, prog_array_map_ops",
    ],
    ..row("prog_array", 3, v(4, 2))
};

/// `BPF_MAP_TYPE_CGROUP_ARRAY`.
pub const CGROUP_ARRAY: MapType = MapType {
    name: "cgroup_array",
    number: 8,
    since: v(4, 8),
    summary: "An array of cgroups. A program can test whether a task or a packet's socket belongs \
              to a cgroup in the array or to a descendant of such a cgroup.",
    value: ValueRule::Object(KernelObject::Cgroup),
    as_inner: InnerRule::AnyEntries,
    btf: BtfRule::Refused(Errno::ENOTSUPP),
    helpers: helpers::CGROUP_ARRAY,
    operations: operations! {
        Lookup: NOT_READABLE,
        Update: UPDATE_CGROUP,
        Delete: DELETE_SLOT,
        GetNextKey: NEXT_KEY,
        Freeze: FREEZE,
    },
    sources: &["kernel/bpf/arraymap.c: cgroup_fd_array_get_ptr, cgroup_array_map_ops"],
    ..PROG_ARRAY
};

/// `BPF_MAP_TYPE_ARRAY_OF_MAPS`.
pub const ARRAY_OF_MAPS: MapType = MapType {
    name: "array_of_maps",
    number: 12,
    since: v(4, 12),
    summary: "An array of maps, which must all match one template. Programs immediately see a map \
              that user space stores.",
    value: ValueRule::Object(KernelObject::Map),
    as_inner: InnerRule::Refused(Errno::EINVAL),
    btf: BtfRule::Refused(Errno::ENOTSUPP),
    helpers: helpers::MAP_OF_MAPS,
    operations: operations! {
        Lookup: LOOKUP_ID,
        Update: UPDATE_SLOT,
        Delete: DELETE_SLOT,
        GetNextKey: NEXT_KEY,
        LookupBatch: LOOKUP_BATCH_OF_MAPS,
        UpdateBatch: cases! {
            Plain: (5, 6) ENOTSUPP, (5, 19) Ok;
            BatchElementFlags: (5, 19) EINVAL;
            OutOfRange: (5, 19) E2BIG;
        },
        Freeze: FREEZE,
    },
    sources: &[
        "kernel/bpf/arraymap.c: array_of_map_alloc, array_of_maps_map_ops",
        "kernel/bpf/map_in_map.c: bpf_map_meta_alloc, bpf_map_meta_equal, bpf_map_fd_get_ptr",
    ],
    ..PROG_ARRAY
};

/// `BPF_MAP_TYPE_HASH_OF_MAPS`.
pub const HASH_OF_MAPS: MapType = MapType {
    name: "hash_of_maps",
    number: 13,
    since: v(4, 12),
    summary: "A hash table of maps, which must all match one template. Programs immediately see a \
              map that user space stores.",
    memory: MemoryRule::Hash,
    key: KeyRule::Any { max_size: KMALLOC_MAX_SIZE },
    max_entries: MaxEntriesRule::AtLeastOne { max: MAX_HASH_ENTRIES },
    flags: &[
        ("no_prealloc", v(4, 12)),
        ("numa_node", v(4, 14)),
        ("zero_seed", v(5, 0)),
        ("rdonly", v(4, 15)),
        ("wronly", v(4, 15)),
        ("rdonly_prog", v(5, 2)),
        ("wronly_prog", v(5, 2)),
    ],
    helpers: helpers::MAP_OF_MAPS,
    operations: operations! {
        Lookup: LOOKUP_BY_KEY,
        Update: UPDATE_BY_KEY,
        Delete: DELETE,
        GetNextKey: NEXT_KEY,
        LookupBatch: LOOKUP_BATCH_OF_MAPS,
        UpdateBatch: cases! {
            Plain: (5, 6) ENOTSUPP, (5, 19) Ok;
            BatchElementFlags: (5, 19) EINVAL;
            FullNewKey: (5, 19) E2BIG;
        },
        DeleteBatch: cases! {
            Plain: (5, 6) ENOTSUPP, (5, 19) Ok;
            Missing: (5, 19) ENOENT;
        },
        LookupAndDeleteBatch: LOOKUP_BATCH_OF_MAPS,
        Freeze: FREEZE,
    },
    batch_cursor: BatchCursor::Position,
    sources: &[
        "kernel/bpf/hashtab.c: fd_htab_map_alloc_check, bpf_fd_htab_map_update_elem, bpf_fd_htab_map_lookup_elem, htab_of_maps_map_ops",
        "kernel/bpf/map_in_map.c: bpf_map_meta_alloc, bpf_map_meta_equal, bpf_map_fd_get_ptr",
    ],
    ..ARRAY_OF_MAPS
};

const LOOKUP_BATCH_OF_MAPS: &[Case] = cases! {
    Plain: (5, 6) ENOTSUPP, (5, 19) Ok;
    End: (5, 19) ENOENT;
};

/// The answers to a lookup that returns the ID of an object. Source: `bpf_fd_array_map_lookup_elem`.
const LOOKUP_ID: &[Case] = cases! { ..LOOKUP_BY_KEY; OutOfRange: (4, 13) ENOENT; };

const LOOKUP_BY_KEY: &[Case] = cases! {
    Plain: (4, 2) ENOTSUPP, (4, 13) Ok;
    Missing: (4, 13) ENOENT;
    UnknownFlags: (4, 2) EINVAL;
    LockWithoutSpinLock: (5, 1) EINVAL;
};

/// The answers to a lookup in a map whose objects user space can't look up. The kernel checks the
/// flags first. Source: `fd_array_map_lookup_elem`.
const NOT_READABLE: &[Case] = cases! {
    Plain: (4, 3) ENOTSUPP;
    Missing: (4, 3) ENOTSUPP;
    OutOfRange: (4, 3) ENOTSUPP;
    UnknownFlags: (4, 3) EINVAL;
    LockWithoutSpinLock: (5, 1) EINVAL;
};

/// The answers to storing an object in a slot. The kernel checks the flags first, then the index, then the file
/// descriptor. Source: `bpf_fd_array_map_update_elem`.
const UPDATE_SLOT: &[Case] = cases! {
    Plain: (4, 2) Ok;
    BadDescriptor: (4, 2) EBADF;
    OtherObject: (4, 2) EINVAL;
    NoExistOnPresent: (4, 2) EINVAL;
    ExistOnMissing: (4, 2) EINVAL;
    NoExistAndExist: (4, 2) EINVAL;
    OutOfRange: (4, 2) E2BIG;
    UnknownFlags: (4, 2) EINVAL;
    LockWithoutSpinLock: (5, 1) EINVAL;
};

/// The answers of [`UPDATE_SLOT`], with one change: `cgroup_get_from_fd` returns the same errno for a file of the wrong
/// kind and for a closed descriptor.
pub(super) const UPDATE_CGROUP: &[Case] = cases! { ..UPDATE_SLOT; OtherObject: (4, 2) EBADF; };

const UPDATE_BY_KEY: &[Case] = cases! {
    ..UPDATE;
    BadDescriptor: (4, 12) EBADF;
    OtherObject: (4, 12) EINVAL;
};
