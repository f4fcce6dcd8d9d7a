//! Values that are attached to sockets, inodes, tasks and cgroups. Source:
//! `kernel/bpf/bpf_local_storage.c`, and `kernel/bpf/local_storage.c` for the old storage of cgroups.

use super::{
    DELETE, FREEZE, LOOKUP, PCPU_MIN_UNIT_SIZE, READ_ONE_CPU, UPDATE_UNBOUNDED, WRITE_ONE_CPU,
    cases, helpers, operations, row, special_fields, v,
};
use crate::Errno;
use crate::map_type::{
    BtfRule, Case, InnerRule, KeyRule, MapType, MaxEntriesRule, Owner, Privilege, ValueRule,
};

/// The maximum size of a value: 64 KiB minus the kernel's header of an element. The size of this header increases from
/// release to release. Source: `BPF_LOCAL_STORAGE_MAX_VALUE_SIZE` in `include/linux/bpf_local_storage.h`.
const MAX_VALUE_SIZE: u32 = (64 << 10) - 256;

/// `BPF_MAP_TYPE_CGROUP_STORAGE`.
pub const CGROUP_STORAGE: MapType = MapType {
    summary: "Values of cgroups. The kernel creates the value of a cgroup when a program that \
              uses the map is attached to this cgroup. Deprecated: `cgrp_storage` \
              (since Linux 6.2) works without attaching a program to the cgroup.",
    privilege: Privilege::None,
    key: KeyRule::CgroupStorage,
    // Up to Linux 5.14, the maximum is one page.
    value: ValueRule::Plain { max_size: MAX_VALUE_SIZE },
    max_entries: MaxEntriesRule::Zero,
    flags: &[
        ("numa_node", v(4, 19)),
        ("rdonly", v(4, 19)),
        ("wronly", v(4, 19)),
        ("rdonly_prog", v(5, 2)),
        ("wronly_prog", v(5, 2)),
    ],
    as_inner: InnerRule::Refused(Errno::ENOTSUPP),
    special_fields: special_fields::CGROUP_STORAGE,
    helpers: helpers::CGROUP_STORAGE,
    operations: operations! {
        Lookup: LOOKUP,
        Update: CGROUP_UPDATE,
        Delete: CGROUP_DELETE,
        GetNextKey: CGROUP_NEXT_KEY,
        Freeze: FREEZE,
    },
    successor: Some("cgrp_storage"),
    sources: &[
        "kernel/bpf/local_storage.c: cgroup_storage_map_alloc, cgroup_storage_update_elem, cgroup_storage_delete_elem, cgroup_storage_get_next_key",
    ],
    ..row("cgroup_storage", 19, v(4, 19))
};

/// `BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE`.
pub const PERCPU_CGROUP_STORAGE: MapType = MapType {
    name: "percpu_cgroup_storage",
    number: 21,
    since: v(4, 20),
    summary: "A `cgroup_storage` with a value for each CPU. Deprecated: `cgrp_storage` (since \
              Linux 6.2) needs no attachment.",
    per_cpu: true,
    value: ValueRule::Plain { max_size: PCPU_MIN_UNIT_SIZE },
    special_fields: &[],
    helpers: helpers::PERCPU_CGROUP_STORAGE,
    operations: operations! {
        Lookup: CGROUP_LOOKUP_PER_CPU,
        Update: CGROUP_UPDATE_PER_CPU,
        Delete: CGROUP_DELETE,
        GetNextKey: CGROUP_NEXT_KEY,
        Freeze: FREEZE,
    },
    sources: &[
        "kernel/bpf/local_storage.c: bpf_percpu_cgroup_storage_copy, bpf_percpu_cgroup_storage_update",
    ],
    ..CGROUP_STORAGE
};

/// The answers to an update. User space can't create or delete elements, because the kernel creates an element when a
/// program is attached. The kernel refuses `BPF_NOEXIST` before it looks up the key.
const CGROUP_UPDATE: &[Case] = cases! {
    Plain: (4, 19) Ok;
    Missing: (4, 19) ENOENT;
    NoExistOnPresent: (4, 19) EINVAL;
    NoExistOnMissing: (4, 19) EINVAL;
    ExistOnMissing: (4, 19) ENOENT;
    UnknownFlags: (4, 19) EINVAL;
    LockWithoutSpinLock: (5, 1) EINVAL;
};

/// Linux 7.0 added `BPF_F_CPU` and `BPF_F_ALL_CPUS`. Lookups do not support `BPF_F_ALL_CPUS`.
const CGROUP_LOOKUP_PER_CPU: &[Case] = cases! { ..LOOKUP; ..READ_ONE_CPU; };

const CGROUP_UPDATE_PER_CPU: &[Case] = cases! { ..CGROUP_UPDATE; ..WRITE_ONE_CPU; };

const CGROUP_DELETE: &[Case] = cases! {
    Plain: (4, 19) EINVAL;
    Missing: (4, 19) EINVAL;
};

/// The answers to an iteration. Up to Linux 6.19, a call with the last key succeeds and returns a meaningless key,
/// except in some stable releases that were fixed. Measured: success on 6.16.12 to 6.19.14, ENOENT on 5.10.262,
/// 6.1.192, 6.12.117 and 6.18.44.
const CGROUP_NEXT_KEY: &[Case] = cases! {
    Plain: (4, 19) Ok;
    Empty: (4, 19) ENOENT;
    AbsentKey: (4, 19) ENOENT;
    LastKey: (4, 19) ENOENT | Ok, (7, 0) ENOENT;
};

/// `BPF_MAP_TYPE_SK_STORAGE`.
pub const SK_STORAGE: MapType = MapType {
    name: "sk_storage",
    number: 24,
    since: v(5, 2),
    summary: "Values that are attached to sockets. The kernel deletes the value of a socket when \
              the socket is closed.",
    privilege: Privilege::Bpf,
    key: KeyRule::Descriptor(Owner::Socket),
    value: ValueRule::Plain { max_size: MAX_VALUE_SIZE },
    required_flags: &["no_prealloc"],
    flags: &[("no_prealloc", v(5, 2)), ("clone", v(5, 4))],
    as_inner: InnerRule::AnyEntries,
    btf: BtfRule::Required,
    special_fields: special_fields::SK_STORAGE,
    helpers: helpers::SK_STORAGE,
    operations: operations! {
        Lookup: SK_LOOKUP,
        Update: SK_UPDATE,
        Delete: SK_DELETE,
        GetNextKey: super::NOT_SUPPORTED,
        Freeze: FREEZE,
    },
    successor: None,
    sources: &[
        "kernel/bpf/bpf_local_storage.c: bpf_local_storage_map_alloc_check, bpf_local_storage_update, check_flags",
        "net/core/bpf_sk_storage.c: bpf_fd_sk_storage_lookup_elem, sk_storage_map_ops",
    ],
    ..CGROUP_STORAGE
};

const SK_LOOKUP: &[Case] = cases! {
    ..LOOKUP;
    BadOwner: (5, 2) EBADF;
    OtherOwner: (5, 2) ENOTSOCK;
};

const SK_UPDATE: &[Case] = cases! {
    ..UPDATE_UNBOUNDED;
    BadOwner: (5, 2) EBADF;
    OtherOwner: (5, 2) ENOTSOCK;
};

const SK_DELETE: &[Case] = cases! {
    ..DELETE;
    BadOwner: (5, 2) EBADF;
    OtherOwner: (5, 2) ENOTSOCK;
};

/// `BPF_MAP_TYPE_INODE_STORAGE`.
pub const INODE_STORAGE: MapType = MapType {
    name: "inode_storage",
    number: 28,
    since: v(5, 10),
    summary: "Values that are attached to inodes. The kernel deletes the value of an inode \
              together with the inode. This map type needs `bpf` among the kernel's security \
              modules (`lsm=`). Otherwise, nothing can be attached (EBADF).",
    key: KeyRule::Descriptor(Owner::Inode),
    flags: &[("no_prealloc", v(5, 10)), ("clone", v(5, 10))],
    special_fields: special_fields::INODE_STORAGE,
    helpers: helpers::INODE_STORAGE,
    operations: operations! {
        Lookup: INODE_LOOKUP,
        Update: INODE_UPDATE,
        Delete: INODE_DELETE,
        GetNextKey: super::NOT_SUPPORTED,
        Freeze: FREEZE,
    },
    sources: &[
        "kernel/bpf/bpf_local_storage.c: bpf_local_storage_map_alloc_check, bpf_local_storage_update, check_flags",
        "kernel/bpf/bpf_inode_storage.c: bpf_fd_inode_storage_lookup_elem, inode_storage_map_ops",
    ],
    ..SK_STORAGE
};

const INODE_LOOKUP: &[Case] = cases! { ..LOOKUP; BadOwner: (5, 10) EBADF; };

/// The answers to an update. A kernel without `bpf` among its security modules returns EBADF.
const INODE_UPDATE: &[Case] = cases! { ..UPDATE_UNBOUNDED; BadOwner: (5, 10) EBADF; };

const INODE_DELETE: &[Case] = cases! { ..DELETE; BadOwner: (5, 10) EBADF; };

/// `BPF_MAP_TYPE_TASK_STORAGE`.
pub const TASK_STORAGE: MapType = MapType {
    name: "task_storage",
    number: 29,
    since: v(5, 11),
    summary: "Values that are attached to tasks. The kernel deletes the value of a task when the \
              task exits.",
    key: KeyRule::Descriptor(Owner::Task),
    flags: &[("no_prealloc", v(5, 11)), ("clone", v(5, 11))],
    special_fields: special_fields::TASK_STORAGE,
    helpers: helpers::TASK_STORAGE,
    operations: operations! {
        Lookup: DESCRIPTOR_LOOKUP,
        Update: DESCRIPTOR_UPDATE,
        Delete: DESCRIPTOR_DELETE,
        GetNextKey: super::NOT_SUPPORTED,
        Freeze: FREEZE,
    },
    sources: &[
        "kernel/bpf/bpf_local_storage.c: bpf_local_storage_map_alloc_check, bpf_local_storage_update, check_flags",
        "kernel/bpf/bpf_task_storage.c: bpf_pid_task_storage_lookup_elem, task_storage_map_ops",
    ],
    ..SK_STORAGE
};

/// `BPF_MAP_TYPE_CGRP_STORAGE`.
pub const CGRP_STORAGE: MapType = MapType {
    name: "cgrp_storage",
    number: 32,
    since: v(6, 2),
    summary: "Values that are attached to cgroups. The kernel deletes the value of a cgroup when \
              the cgroup is removed.",
    key: KeyRule::Descriptor(Owner::Cgroup),
    flags: &[("no_prealloc", v(6, 2)), ("clone", v(6, 2))],
    special_fields: special_fields::CGRP_STORAGE,
    helpers: helpers::CGRP_STORAGE,
    sources: &[
        "kernel/bpf/bpf_local_storage.c: bpf_local_storage_map_alloc_check, bpf_local_storage_update, check_flags",
        "kernel/bpf/bpf_cgrp_storage.c: bpf_cgrp_storage_lookup_elem, cgrp_storage_map_ops",
    ],
    ..TASK_STORAGE
};

const DESCRIPTOR_LOOKUP: &[Case] = cases! { ..SK_LOOKUP; OtherOwner: (5, 11) EBADF; };

const DESCRIPTOR_UPDATE: &[Case] = cases! { ..SK_UPDATE; OtherOwner: (5, 11) EBADF; };

const DESCRIPTOR_DELETE: &[Case] = cases! { ..SK_DELETE; OtherOwner: (5, 11) EBADF; };
