//! Maps of sockets. Sources: `net/core/sock_map.c`, `kernel/bpf/reuseport_array.c`.

use super::{
    DELETE, DELETE_SLOT, FREEZE, LOOKUP_SLOT, MAX_HASH_ENTRIES, NEXT_KEY, UPDATE, UPDATE_UNBOUNDED,
    cases, helpers, operations, row, v,
};
use crate::Errno;
use crate::map_type::{
    BtfRule, Case, KernelObject, KeyRule, MapType, MaxEntriesRule, MemoryRule, Privilege, ValueRule,
};

/// `BPF_MAP_TYPE_SOCKMAP`. From Linux 7.3 on, only programs of the types `iter`, `sock_ops`, `sk_reuseport` and
/// `sk_lookup` can update the map or delete from it (`may_update_sockmap` in `kernel/bpf/verifier.c`).
///
/// Creating a map with more than `INT_MAX` entries fails with E2BIG on Linux 5.10, and with EINVAL on 6.1, on 6.12 and
/// from 7.2 on. On Linux 6.16 to 7.1, it fails with ENOMEM, or succeeds if 16 GiB of memory are free (measured on
/// 6.18.44). No test creates such a large map.
pub const SOCKMAP: MapType = MapType {
    summary: "An array of sockets. Programs can read and redirect the data of these sockets.",
    privilege: Privilege::NetAdmin,
    key: KeyRule::Index,
    value: ValueRule::Object(KernelObject::Socket),
    max_entries: MaxEntriesRule::AtLeastOne { max: i32::MAX as u32 },
    memory: MemoryRule::Pointers,
    flags: &[("numa_node", v(4, 14)), ("rdonly", v(4, 15)), ("wronly", v(4, 15))],
    btf: BtfRule::Refused(Errno::ENOTSUPP),
    helpers: helpers::SOCKMAP,
    operations: operations! {
        Lookup: cases! { ..SOCKHASH_LOOKUP; OutOfRange: (5, 7) ENOENT; },
        Update: cases! {
            ..UPDATE_UNBOUNDED; ..UPDATE_SOCKET;
            OutOfRange: (4, 14) E2BIG;
        },
        Delete: cases! {
            Plain: (4, 14) Ok;
            Missing: (4, 14) EINVAL;
            OutOfRange: (4, 14) EINVAL;
        },
        GetNextKey: NEXT_KEY,
        Freeze: FREEZE,
    },
    sources: &[
        "net/core/sock_map.c: sock_map_alloc, sock_map_update_elem_sys, sock_map_update_common, sock_map_lookup_sys, sock_map_delete_elem, sock_map_get_next_key",
        "kernel/bpf/verifier.c: may_update_sockmap",
    ],
    ..row("sockmap", 15, v(4, 14))
};

/// `BPF_MAP_TYPE_SOCKHASH`. The conditions under which programs can write to the map are the same
/// as for a [`SOCKMAP`].
pub const SOCKHASH: MapType = MapType {
    name: "sockhash",
    number: 18,
    since: v(4, 18),
    summary: "A hash table of sockets. The key can be, for example, the addresses and ports of a \
              connection. Programs can read and redirect the data of these sockets.",
    memory: MemoryRule::SocketHash,
    key: KeyRule::Any { max_size: MAX_BPF_STACK },
    // With more entries, the total size of the buckets would not fit in 32 bits: EINVAL. The number of buckets is a
    // power of two, and each bucket has 16 bytes.
    max_entries: MaxEntriesRule::AtLeastOne { max: MAX_HASH_ENTRIES },
    flags: &[("numa_node", v(4, 18)), ("rdonly", v(4, 18)), ("wronly", v(4, 18))],
    helpers: helpers::SOCKHASH,
    operations: operations! {
        Lookup: SOCKHASH_LOOKUP,
        Update: cases! { ..UPDATE; ..UPDATE_SOCKET; },
        Delete: DELETE,
        GetNextKey: NEXT_KEY,
        Freeze: FREEZE,
    },
    sources: &[
        "net/core/sock_map.c: sock_hash_alloc, sock_hash_update_common, sock_hash_delete_elem, sock_hash_get_next_key",
    ],
    ..SOCKMAP
};

/// `BPF_MAP_TYPE_REUSEPORT_SOCKARRAY`.
pub const REUSEPORT_SOCKARRAY: MapType = MapType {
    name: "reuseport_sockarray",
    number: 20,
    since: v(4, 19),
    summary: "An array of sockets that share a port. A program selects one of these sockets for a \
              packet or connection.",
    privilege: Privilege::Bpf,
    value: ValueRule::Object(KernelObject::ReuseportSocket),
    max_entries: MaxEntriesRule::AtLeastOne { max: u32::MAX },
    flags: &[
        ("numa_node", v(4, 19)),
        ("rdonly", v(4, 19)),
        ("wronly", v(4, 19)),
        ("rdonly_prog", v(5, 2)),
        ("wronly_prog", v(5, 2)),
    ],
    btf: BtfRule::Optional,
    helpers: helpers::REUSEPORT_SOCKARRAY,
    operations: operations! {
        Lookup: cases! { ..LOOKUP_SLOT; SmallValue: (4, 19) ENOSPC; },
        Update: cases! {
            ..UPDATE_UNBOUNDED;
            NoExistOnMissing: (4, 19) Ok;
            OutOfRange: (4, 19) E2BIG;
            BadDescriptor: (4, 19) EBADF;
            OtherObject: (4, 19) ENOTSOCK;
            UnfitSocket: (4, 19) ENOTSUPP;
            WithoutReuseport: (4, 19) EINVAL;
            SocketInUse: (4, 19) EBUSY;
        },
        Delete: DELETE_SLOT,
        GetNextKey: NEXT_KEY,
        Freeze: FREEZE,
    },
    sources: &[
        "kernel/bpf/reuseport_array.c: reuseport_array_alloc_check, bpf_fd_reuseport_array_update_elem, reuseport_array_update_check, reuseport_array_delete_elem",
    ],
    ..SOCKMAP
};

/// The maximum size of a key on a program's stack. Source: `include/linux/filter.h`.
const MAX_BPF_STACK: u32 = 512;

const SOCKHASH_LOOKUP: &[Case] = cases! {
    Plain: (4, 14) EOPNOTSUPP, (5, 7) Ok;
    SmallValue: (5, 7) ENOSPC;
    Missing: (5, 7) ENOENT;
    UnknownFlags: (4, 14) EINVAL;
    LockWithoutSpinLock: (5, 1) EINVAL;
};

/// The answers to inserting a socket. The kernel checks the socket in `sock_map_update_elem_sys`.
const UPDATE_SOCKET: &[Case] = cases! {
    NoExistOnMissing: (4, 14) Ok;
    BadDescriptor: (4, 14) EBADF;
    OtherObject: (4, 14) ENOTSOCK;
    UnfitSocket: (4, 14) EOPNOTSUPP;
    UnixSocket: (4, 14) EOPNOTSUPP, (5, 15) Ok;
    UnboundSocket: (4, 14) EOPNOTSUPP, (6, 16) Ok | EOPNOTSUPP, (7, 1) EOPNOTSUPP;
};
