//! The helper functions that programs can call with maps of each type. Source:
//! `kernel/bpf/verifier.c`, `check_map_func_compatibility`, and the history of the functions.

use super::v;
use crate::KernelVersion;
use crate::map_type::Helper::{
    self, CgrpStorageDelete, CgrpStorageGet, CurrentTaskUnderCgroup, ForEachMapElem,
    GetLocalStorage, GetStackid, InodeStorageDelete, InodeStorageGet, MapDeleteElem, MapLookupElem,
    MapLookupPercpuElem, MapPeekElem, MapPopElem, MapPushElem, MapUpdateElem, MsgRedirectHash,
    MsgRedirectMap, PerfEventOutput, PerfEventRead, PerfEventReadValue, RedirectMap, RingbufOutput,
    RingbufQuery, RingbufReserve, RingbufReserveDynptr, SkRedirectHash, SkRedirectMap,
    SkSelectReuseport, SkStorageDelete, SkStorageGet, SkbOutput, SkbUnderCgroup, SockHashUpdate,
    SockMapUpdate, TailCall, TaskStorageDelete, TaskStorageGet, UserRingbufDrain, XdpOutput,
};

type Rows = &'static [(Helper, KernelVersion)];

pub(super) const HASH: Rows = &[
    (MapLookupElem, v(3, 19)),
    (MapUpdateElem, v(3, 19)),
    (MapDeleteElem, v(3, 19)),
    (ForEachMapElem, v(5, 13)),
];

/// The verifier accepts a deletion, which always fails (`EINVAL`).
pub(super) const ARRAY: Rows =
    &[(MapLookupElem, v(3, 19)), (MapUpdateElem, v(3, 19)), (ForEachMapElem, v(5, 13))];

pub(super) const PERCPU_HASH: Rows = &[
    (MapLookupElem, v(4, 6)),
    (MapUpdateElem, v(4, 6)),
    (MapDeleteElem, v(4, 6)),
    (MapLookupPercpuElem, v(5, 19)),
    (ForEachMapElem, v(5, 13)),
];

pub(super) const PERCPU_ARRAY: Rows = &[
    (MapLookupElem, v(4, 6)),
    (MapUpdateElem, v(4, 6)),
    (MapLookupPercpuElem, v(5, 19)),
    (ForEachMapElem, v(5, 13)),
];

pub(super) const LRU_HASH: Rows = &[
    (MapLookupElem, v(4, 10)),
    (MapUpdateElem, v(4, 10)),
    (MapDeleteElem, v(4, 10)),
    (ForEachMapElem, v(5, 13)),
];

pub(super) const LRU_PERCPU_HASH: Rows = &[
    (MapLookupElem, v(4, 10)),
    (MapUpdateElem, v(4, 10)),
    (MapDeleteElem, v(4, 10)),
    (MapLookupPercpuElem, v(5, 19)),
    (ForEachMapElem, v(5, 13)),
];

pub(super) const RHASH: Rows = &[
    (MapLookupElem, v(7, 2)),
    (MapUpdateElem, v(7, 2)),
    (MapDeleteElem, v(7, 2)),
    (ForEachMapElem, v(7, 2)),
];

/// Until 4.15, a deletion was not implemented (`ENOSYS`).
pub(super) const LPM_TRIE: Rows =
    &[(MapLookupElem, v(4, 11)), (MapUpdateElem, v(4, 11)), (MapDeleteElem, v(4, 15))];

pub(super) const QUEUE_AND_STACK: Rows =
    &[(MapPushElem, v(4, 20)), (MapPopElem, v(4, 20)), (MapPeekElem, v(4, 20))];

pub(super) const BLOOM_FILTER: Rows = &[(MapPushElem, v(5, 16)), (MapPeekElem, v(5, 16))];

pub(super) const RINGBUF: Rows = &[
    (RingbufReserve, v(5, 8)),
    (RingbufOutput, v(5, 8)),
    (RingbufQuery, v(5, 8)),
    (RingbufReserveDynptr, v(5, 19)),
];

pub(super) const USER_RINGBUF: Rows = &[(UserRingbufDrain, v(6, 1))];

pub(super) const PERF_EVENT_ARRAY: Rows = &[
    (PerfEventRead, v(4, 3)),
    (PerfEventOutput, v(4, 4)),
    (PerfEventReadValue, v(4, 15)),
    (SkbOutput, v(5, 5)),
    (XdpOutput, v(5, 6)),
];

pub(super) const PROG_ARRAY: Rows = &[(TailCall, v(4, 2))];

pub(super) const CGROUP_ARRAY: Rows =
    &[(SkbUnderCgroup, v(4, 8)), (CurrentTaskUnderCgroup, v(4, 9))];

pub(super) const MAP_OF_MAPS: Rows = &[(MapLookupElem, v(4, 12))];

pub(super) const STACK_TRACE: Rows = &[(GetStackid, v(4, 6))];

pub(super) const DEVMAP: Rows = &[(RedirectMap, v(4, 14)), (MapLookupElem, v(5, 8))];

pub(super) const DEVMAP_HASH: Rows = &[(RedirectMap, v(5, 4)), (MapLookupElem, v(5, 8))];

pub(super) const CPUMAP: Rows = &[(RedirectMap, v(4, 15))];

pub(super) const XSKMAP: Rows = &[(RedirectMap, v(4, 18)), (MapLookupElem, v(5, 3))];

/// From 7.3 on, fewer program types can delete entries.
pub(super) const SOCKMAP: Rows = &[
    (SkRedirectMap, v(4, 14)),
    (SockMapUpdate, v(4, 14)),
    (MapDeleteElem, v(4, 14)),
    (MsgRedirectMap, v(4, 17)),
    (SkSelectReuseport, v(5, 7)),
    (MapLookupElem, v(5, 8)),
    (MapUpdateElem, v(5, 10)),
];

pub(super) const SOCKHASH: Rows = &[
    (SkRedirectHash, v(4, 18)),
    (SockHashUpdate, v(4, 18)),
    (MapDeleteElem, v(4, 18)),
    (MsgRedirectHash, v(4, 18)),
    (SkSelectReuseport, v(5, 7)),
    (MapLookupElem, v(5, 8)),
    (MapUpdateElem, v(5, 10)),
];

pub(super) const REUSEPORT_SOCKARRAY: Rows = &[(SkSelectReuseport, v(4, 19))];

pub(super) const CGROUP_STORAGE: Rows = &[(GetLocalStorage, v(4, 19))];

pub(super) const PERCPU_CGROUP_STORAGE: Rows = &[(GetLocalStorage, v(4, 20))];

pub(super) const SK_STORAGE: Rows = &[(SkStorageGet, v(5, 2)), (SkStorageDelete, v(5, 2))];

pub(super) const INODE_STORAGE: Rows =
    &[(InodeStorageGet, v(5, 10)), (InodeStorageDelete, v(5, 10))];

pub(super) const TASK_STORAGE: Rows = &[(TaskStorageGet, v(5, 11)), (TaskStorageDelete, v(5, 11))];

pub(super) const CGRP_STORAGE: Rows = &[(CgrpStorageGet, v(6, 2)), (CgrpStorageDelete, v(6, 2))];
