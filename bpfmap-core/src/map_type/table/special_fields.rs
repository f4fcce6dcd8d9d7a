//! The special fields that a value can have, for each family of map types. Source: `kernel/bpf/syscall.c`,
//! `map_check_btf`.

use super::v;
use crate::KernelVersion;
use crate::SpecialField::{
    Kptr, ListHead, PerCpuKptr, RbRoot, RefCount, ResSpinLock, SpinLock, TaskWork, Timer,
    UntrustedKptr, UserPtr, WorkQueue,
};

type Rows = &'static [(crate::SpecialField, KernelVersion)];

/// The values of `hash` and `array` can have all special fields except pointers to user space.
pub(super) const HASH_AND_ARRAY: Rows = &[
    (SpinLock, v(5, 1)),
    (ResSpinLock, v(6, 15)),
    (Timer, v(5, 15)),
    (WorkQueue, v(6, 10)),
    (TaskWork, v(6, 18)),
    // In older kernels, the tag has a different meaning: see `MapType::field_since`.
    (Kptr, v(5, 19)),
    (UntrustedKptr, v(6, 4)),
    (PerCpuKptr, v(6, 7)),
    (RefCount, v(6, 4)),
    (ListHead, v(6, 2)),
    (RbRoot, v(6, 3)),
];

/// The values of `lru_hash` can only have fields that need no lock, because the kernel can remove an entry at any time.
pub(super) const LRU_HASH: Rows = &[
    (Timer, v(5, 15)),
    (WorkQueue, v(6, 10)),
    (TaskWork, v(6, 18)),
    (Kptr, v(5, 19)),
    (UntrustedKptr, v(6, 4)),
    (PerCpuKptr, v(6, 7)),
    (RefCount, v(6, 4)),
];

/// The values of `rhash` can have all special fields except lists, trees and pointers to user space.
pub(super) const RHASH: Rows = &[
    (SpinLock, v(7, 2)),
    (ResSpinLock, v(7, 2)),
    (Timer, v(7, 2)),
    (WorkQueue, v(7, 2)),
    (TaskWork, v(7, 2)),
    (Kptr, v(7, 2)),
    (UntrustedKptr, v(7, 2)),
    (PerCpuKptr, v(7, 2)),
    (RefCount, v(7, 2)),
];

/// The values of `percpu_array` can have pointers.
pub(super) const PERCPU_ARRAY: Rows =
    &[(Kptr, v(6, 1)), (UntrustedKptr, v(6, 4)), (PerCpuKptr, v(6, 7)), (RefCount, v(6, 4))];

/// The values of `percpu_hash` and `lru_percpu_hash` can have pointers.
pub(super) const PERCPU_HASH: Rows =
    &[(Kptr, v(6, 4)), (UntrustedKptr, v(6, 4)), (PerCpuKptr, v(6, 7)), (RefCount, v(6, 4))];

/// The values of `cgroup_storage` can have locks.
pub(super) const CGROUP_STORAGE: Rows = &[(SpinLock, v(5, 1)), (ResSpinLock, v(6, 15))];

/// The values of `sk_storage` can have locks and pointers.
pub(super) const SK_STORAGE: Rows = &[
    (SpinLock, v(5, 2)),
    (ResSpinLock, v(6, 15)),
    (Kptr, v(6, 4)),
    (UntrustedKptr, v(6, 4)),
    (PerCpuKptr, v(6, 7)),
    (RefCount, v(6, 4)),
];

/// The values of `inode_storage` can have locks and pointers.
pub(super) const INODE_STORAGE: Rows = &[
    (SpinLock, v(5, 10)),
    (ResSpinLock, v(6, 15)),
    (Kptr, v(6, 4)),
    (UntrustedKptr, v(6, 4)),
    (PerCpuKptr, v(6, 7)),
    (RefCount, v(6, 4)),
];

/// The values of `task_storage` can have locks and pointers, including pointers to user space.
pub(super) const TASK_STORAGE: Rows = &[
    (SpinLock, v(5, 11)),
    (ResSpinLock, v(6, 15)),
    (Kptr, v(6, 4)),
    (UntrustedKptr, v(6, 4)),
    (PerCpuKptr, v(6, 7)),
    (RefCount, v(6, 4)),
    (UserPtr, v(6, 13)),
];

/// The values of `cgrp_storage` can have locks and pointers.
pub(super) const CGRP_STORAGE: Rows = &[
    (SpinLock, v(6, 2)),
    (ResSpinLock, v(6, 15)),
    (Kptr, v(6, 4)),
    (UntrustedKptr, v(6, 4)),
    (PerCpuKptr, v(6, 7)),
    (RefCount, v(6, 4)),
];
