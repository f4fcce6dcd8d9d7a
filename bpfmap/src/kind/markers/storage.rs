//! Map types whose values are attached to sockets, inodes, tasks and cgroups.

use super::kind;
#[cfg(not(target_arch = "bpf"))]
use crate::kind::AttachValues;
use crate::kind::{Kind, Lock, LookupElement, SelectCpu, UpdateElement, sealed::Sealed};
#[cfg(not(target_arch = "bpf"))]
use crate::plain::Plain;
#[cfg(not(target_arch = "bpf"))]
use crate::user_space::objects::{CgroupFd, FileFd, PidFd, SocketFd};
#[cfg(not(target_arch = "bpf"))]
use crate::user_space::percpu::PerCpu;

kind!(/// `BPF_MAP_TYPE_CGROUP_STORAGE` (Linux 4.19): a value for each cgroup that has an attached
    /// program which uses the map. This map type is deprecated: a [`CgrpStorage`] (Linux 6.2) works
    /// without an attached program.
    ///
    /// The kernel creates a value when the program is attached, and deletes it when the program is
    /// detached. User space can [look up](crate::Map::lookup) and [update](crate::Map::update)
    /// values, but can't create (`ENOENT`) or delete (`EINVAL`) them. Iterating over the map is not
    /// safe, because Linux 6.16 to 6.19 return a meaningless key after the last key.
    ///
    /// The key consists of the cgroup's inode number and the attach type (`struct
    /// bpf_cgroup_storage_key`). From Linux 5.9 on, the key can also consist of only the inode
    /// number, a `u64`.
    ///
    /// Errors: `ENOENT` (no program that uses the map is attached to the cgroup), `EINVAL` (the
    /// mode is [`UpdateMode::NoExist`](crate::UpdateMode::NoExist); the kernel returns this errno
    /// instead of `EEXIST` even if the cgroup has a value), `EPERM` (the map is frozen).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/cgroup_storage.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/local_storage.c`, `cgroup_storage_map_ops`.
    CgroupStorage, CGROUP_STORAGE, V => V);
impl LookupElement for CgroupStorage {}
impl UpdateElement for CgroupStorage {}
impl Lock for CgroupStorage {}

kind!(/// `BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE` (Linux 4.20): like a [`CgroupStorage`], but with one
    /// value for each CPU. This map type is deprecated, too.
    ///
    /// Errors: `ENOENT`, `EINVAL` and `EPERM`, in the same cases as [`CgroupStorage`].
    ///
    /// ```no_run
    #[doc = include_str!("../examples/percpu_cgroup_storage.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/local_storage.c`, `bpf_percpu_cgroup_storage_update`.
    PercpuCgroupStorage, PERCPU_CGROUP_STORAGE, V => PerCpu<V>);
impl LookupElement for PercpuCgroupStorage {}
impl UpdateElement for PercpuCgroupStorage {}
impl SelectCpu for PercpuCgroupStorage {}

kind!(/// `BPF_MAP_TYPE_SK_STORAGE` (Linux 5.2): values that are attached to [sockets](SocketFd).
    /// Closing a socket deletes its value.
    ///
    /// [`attach`](crate::Map::attach) and [`attached`](crate::Map::attached) accept an open socket.
    /// Any other descriptor fails with `ENOTSOCK`.
    ///
    /// Errors: `EBADF` (the descriptor is closed), `ENOTSOCK`, `ENOMEM` (there is not enough
    /// memory for the value), `EPERM` (the map is frozen).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/sk_storage.rs")]
    /// ```
    ///
    /// Source: `net/core/bpf_sk_storage.c`, `sk_storage_map_ops`.
    SkStorage, SK_STORAGE, V => V);
#[cfg(not(target_arch = "bpf"))]
impl AttachValues for SkStorage {
    type Owner<'a> = SocketFd<'a>;
}

kind!(/// `BPF_MAP_TYPE_INODE_STORAGE` (Linux 5.10): values that are attached to [the inodes of
    /// files](FileFd). Deleting an inode deletes its value.
    ///
    /// The kernel must run with the security module `bpf`, which the parameter `lsm=` on the
    /// kernel's command line activates. Without this module, attaching a value fails with `EBADF`.
    /// Debian's Linux 5.10 runs without the module by default.
    ///
    /// Errors: `EBADF` (the descriptor is closed, or the security module `bpf` is not active),
    /// `ENOMEM` (there is not enough memory for the value), `EPERM` (the map is frozen).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/inode_storage.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/bpf_inode_storage.c`, `inode_storage_map_ops`.
    InodeStorage, INODE_STORAGE, V => V);
#[cfg(not(target_arch = "bpf"))]
impl AttachValues for InodeStorage {
    type Owner<'a> = FileFd<'a>;
}

kind!(/// `BPF_MAP_TYPE_TASK_STORAGE` (Linux 5.11): values that are attached to [tasks](PidFd). The
    /// exit of a task deletes its value.
    ///
    /// Operations with a descriptor that is not a pidfd fail with `EBADF`. A task that has exited
    /// has no value, and attaching a value to such a task fails with `ENOENT`.
    ///
    /// Errors: `EBADF` (the descriptor is not a pidfd), `ENOENT` (the task has exited), `ENOMEM`
    /// (there is not enough memory for the value), `EPERM` (the map is frozen).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/task_storage.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/bpf_task_storage.c`, `task_storage_map_ops`.
    TaskStorage, TASK_STORAGE, V => V);
#[cfg(not(target_arch = "bpf"))]
impl AttachValues for TaskStorage {
    type Owner<'a> = PidFd<'a>;
}

kind!(/// `BPF_MAP_TYPE_CGRP_STORAGE` (Linux 6.2): values that are attached to [cgroups](CgroupFd).
    /// Removing a cgroup deletes its value.
    ///
    /// Operations with a descriptor that is not a directory of a cgroup2 file system fail with
    /// `EBADF`.
    ///
    /// Errors: `EBADF` (the descriptor is not a directory of a cgroup), `ENOMEM` (there is
    /// not enough memory for the value), `EPERM` (the map is frozen).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/cgrp_storage.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/bpf_cgrp_storage.c`, `cgrp_storage_map_ops`.
    CgrpStorage, CGRP_STORAGE, V => V);
#[cfg(not(target_arch = "bpf"))]
impl AttachValues for CgrpStorage {
    type Owner<'a> = CgroupFd<'a>;
}
