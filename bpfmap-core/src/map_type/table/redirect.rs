//! Maps of network interfaces, CPUs and `AF_XDP` sockets, to which XDP programs redirect packets.
//! Sources: `kernel/bpf/devmap.c`, `kernel/bpf/cpumap.c`, `net/xdp/xskmap.c`.

use super::{
    DELETE, FREEZE, LOOKUP, LOOKUP_SLOT, NEXT_KEY, UPDATE, UPDATE_UNBOUNDED, cases, helpers,
    operations, row, v,
};
use crate::Errno;
use crate::map_type::{
    BtfRule, Case, InnerRule, KernelObject, KeyRule, MapType, MaxEntriesRule, MemoryRule,
    Privilege, ValueRule,
};

/// `BPF_MAP_TYPE_DEVMAP`. The first program that uses a map determines which program type can use
/// the map. For example, if a `sched_cls` program uses the map first, an XDP program that uses the
/// same map fails to load, and the verifier's log is empty. This applies to Linux 6.1 and later,
/// but not to 5.10 (`bpf_prog_map_compatible` in `kernel/bpf/core.c`).
pub const DEVMAP: MapType = MapType {
    summary: "An array of network interfaces. XDP programs redirect packets to these interfaces.",
    privilege: Privilege::NetAdmin,
    key: KeyRule::Index,
    value: ValueRule::Object(KernelObject::Device),
    memory: MemoryRule::Pointers,
    flags: &[("numa_node", v(4, 14)), ("rdonly", v(4, 15)), ("wronly", v(4, 15))],
    btf: BtfRule::Refused(Errno::ENOTSUPP),
    helpers: helpers::DEVMAP,
    operations: operations! {
        Lookup: LOOKUP_SLOT,
        Update: cases! { ..UPDATE_SLOT; ..UPDATE_DEVICE; },
        Delete: EMPTY_SLOT,
        GetNextKey: NEXT_KEY,
        Freeze: FREEZE,
    },
    added_flags: &["rdonly_prog"],
    sources: &[
        "kernel/bpf/devmap.c: dev_map_alloc_check, __dev_map_update_elem, dev_map_delete_elem, dev_map_get_next_key, dev_map_ops",
    ],
    ..row("devmap", 14, v(4, 14))
};

/// `BPF_MAP_TYPE_DEVMAP_HASH`.
pub const DEVMAP_HASH: MapType = MapType {
    name: "devmap_hash",
    number: 25,
    since: v(5, 4),
    summary: "Network interfaces under arbitrary 32-bit keys. XDP programs redirect packets to \
              these interfaces.",
    memory: MemoryRule::Buckets,
    key: KeyRule::Number,
    // With more than 2^31 entries, the number of buckets, which is a power of two, overflows: EINVAL.
    max_entries: MaxEntriesRule::AtLeastOne { max: 1 << 31 },
    flags: &[("numa_node", v(5, 4)), ("rdonly", v(5, 4)), ("wronly", v(5, 4))],
    helpers: helpers::DEVMAP_HASH,
    operations: operations! {
        Lookup: LOOKUP,
        Update: cases! {
            ..UPDATE; ..UPDATE_DEVICE;
            ExistOnMissing: (5, 4) Ok;
            FullExistOnMissing: (5, 4) E2BIG;
            NoExistOnMissing: (5, 4) Ok;
            ZeroNumber: (5, 4) EINVAL;
        },
        Delete: DELETE,
        GetNextKey: NEXT_KEY,
        Freeze: FREEZE,
    },
    sources: &[
        "kernel/bpf/devmap.c: __dev_map_hash_update_elem, dev_map_hash_delete_elem, dev_map_hash_get_next_key, dev_map_hash_ops",
    ],
    ..DEVMAP
};

/// `BPF_MAP_TYPE_CPUMAP`.
pub const CPUMAP: MapType = MapType {
    name: "cpumap",
    number: 16,
    since: v(4, 15),
    summary: "An array with a packet queue for each CPU. XDP programs redirect packets to these \
              queues.",
    memory: MemoryRule::Free,
    privilege: Privilege::Bpf,
    value: ValueRule::Object(KernelObject::Cpu),
    max_entries: MaxEntriesRule::AtLeastOne { max: NR_CPUS },
    flags: &[("numa_node", v(4, 15))],
    helpers: helpers::CPUMAP,
    operations: operations! {
        Lookup: LOOKUP_SLOT,
        Update: UPDATE_CPU,
        Delete: EMPTY_SLOT,
        GetNextKey: NEXT_KEY,
        Freeze: FREEZE,
    },
    added_flags: &[],
    sources: &[
        "kernel/bpf/cpumap.c: cpu_map_alloc, cpu_map_update_elem, cpu_map_delete_elem, cpu_map_ops",
    ],
    ..DEVMAP
};

/// `BPF_MAP_TYPE_XSKMAP`.
pub const XSKMAP: MapType = MapType {
    name: "xskmap",
    number: 17,
    since: v(4, 18),
    summary: "An array of AF_XDP sockets. XDP programs redirect packets to these sockets.",
    value: ValueRule::Object(KernelObject::XdpSocket),
    flags: &[("numa_node", v(4, 18)), ("rdonly", v(4, 18)), ("wronly", v(4, 18))],
    as_inner: InnerRule::SameEntries(v(5, 10)),
    helpers: helpers::XSKMAP,
    operations: operations! {
        Lookup: cases! { Plain: (4, 18) EOPNOTSUPP; },
        Update: cases! {
            ..UPDATE_UNBOUNDED;
            NoExistOnSame: (4, 18) EEXIST, (5, 3) Ok;
            NoExistOnMissing: (4, 18) Ok;
            ExistOnMissing: (4, 18) Ok, (5, 3) ENOENT;
            OutOfRange: (4, 18) E2BIG;
            BadDescriptor: (4, 18) EBADF;
            OtherObject: (4, 18) ENOTSOCK;
            UnfitSocket: (4, 18) EOPNOTSUPP;
            WithoutRing: (4, 18) Ok, (7, 1) ENOBUFS;
        },
        Delete: EMPTY_SLOT,
        GetNextKey: NEXT_KEY,
        Freeze: FREEZE,
    },
    added_flags: &[],
    sources: &[
        "net/xdp/xskmap.c: xsk_map_alloc, xsk_map_update_elem, xsk_map_delete_elem, xsk_map_lookup_elem_sys_only",
    ],
    ..DEVMAP
};

/// The largest possible `CONFIG_NR_CPUS` of a kernel for x86-64. Many kernels have a lower limit. Source:
/// `arch/x86/Kconfig`.
const NR_CPUS: u32 = 8192;

/// The answers to storing an object in a slot. Every slot counts as present, even if it is empty.
/// Storing the number 0 empties the slot: no interface has the index 0, and a queue of length 0
/// can't contain packets.
const UPDATE_SLOT: &[Case] = cases! {
    ..UPDATE_UNBOUNDED;
    NoExistOnMissing: (4, 14) EEXIST;
    ExistOnMissing: (4, 14) Ok;
    OutOfRange: (4, 14) E2BIG;
    ZeroNumber: (4, 14) Ok;
};

const UPDATE_DEVICE: &[Case] = cases! {
    UnknownInterface: (4, 14) EINVAL;
    ProgramOfOtherKind: (5, 8) EINVAL;
};

const UPDATE_CPU: &[Case] = cases! {
    ..UPDATE_SLOT;
    ImpossibleCpu: (4, 15) ENODEV;
    QueueTooLong: (4, 15) EOVERFLOW;
    ProgramOfOtherKind: (5, 9) ENOMEM, (7, 0) EINVAL;
};

/// The answers to deleting a slot. The result is the same for an empty slot and a filled slot.
const EMPTY_SLOT: &[Case] = cases! {
    Plain: (4, 14) Ok;
    Missing: (4, 14) Ok;
    OutOfRange: (4, 14) EINVAL;
};
