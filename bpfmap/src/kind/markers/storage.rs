//! Map types whose values are attached to sockets, inodes, tasks and cgroups.

use super::kind;
#[cfg(not(target_arch = "bpf"))]
use crate::kind::AttachValues;
use crate::kind::{Kind, Lock, LookupElement, SelectCpu, UpdateElement, sealed::Sealed};
#[cfg(not(target_arch = "bpf"))]
use crate::objects::{CgroupFd, FileFd, PidFd, SocketFd};
#[cfg(not(target_arch = "bpf"))]
use crate::percpu::PerCpu;
#[cfg(not(target_arch = "bpf"))]
use crate::plain::Plain;

kind!(/// `BPF_MAP_TYPE_CGROUP_STORAGE` (Linux 4.19): a value for each cgroup to which a program that uses the map is attached.
    /// Deprecated: [`CgrpStorage`] (Linux 6.2) needs no attachment.
    ///
    /// The kernel creates a value when the program is attached, and deletes it when the program is
    /// detached. User space can [look it up](crate::Map::lookup) and [update](crate::Map::update)
    /// it, but can't create one (`ENOENT`) or delete it (`EINVAL`). Iterating over the map is not
    /// safe: after the last key, Linux 6.16 to 6.19 return a meaningless key.
    ///
    /// The key is the cgroup's inode number and the attach type (`struct bpf_cgroup_storage_key`),
    /// or, from Linux 5.9 on, only the inode number, a `u64`.
    ///
    /// Errors: `ENOENT` (no program that uses the map is attached to the cgroup), `EINVAL`
    /// ([`UpdateMode::NoExist`](crate::UpdateMode::NoExist), even if there is a value; never `EEXIST`), `EPERM`
    /// (frozen).
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

kind!(/// `BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE` (Linux 4.20): like [`CgroupStorage`], with a value for each CPU. Also
    /// deprecated.
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

kind!(/// `BPF_MAP_TYPE_SK_STORAGE` (Linux 5.2): values of [sockets](SocketFd). Closing a socket deletes its value.
    ///
    /// [`attach`](crate::Map::attach) and [`attached`](crate::Map::attached) accept an open socket.
    /// Any other descriptor fails with `ENOTSOCK`.
    ///
    /// Errors: `EBADF` (a closed descriptor), `ENOTSOCK`, `ENOMEM` (no memory to attach the value with), `EPERM`
    /// (frozen).
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

kind!(/// `BPF_MAP_TYPE_INODE_STORAGE` (Linux 5.10): values of [the inodes of files](FileFd). Deleting an inode deletes its value.
    ///
    /// Needs `bpf` among the kernel's security modules (`lsm=` on its command line). Without it, attaching fails with
    /// `EBADF`; Debian's 5.10 boots like this.
    ///
    /// Errors: `EBADF` (a closed descriptor, or no `bpf` in `lsm=`), `ENOMEM` (no memory to attach the value with),
    /// `EPERM` (frozen).
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

kind!(/// `BPF_MAP_TYPE_TASK_STORAGE` (Linux 5.11): values of [tasks](PidFd). The exit of a task deletes its value.
    ///
    /// A descriptor that is not a pidfd fails with `EBADF`; a task that has exited has no values
    /// (`ENOENT`).
    ///
    /// Errors: `EBADF` (not a pidfd), `ENOENT` (the task has exited), `ENOMEM` (no memory to attach the value with),
    /// `EPERM` (frozen).
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

kind!(/// `BPF_MAP_TYPE_CGRP_STORAGE` (Linux 6.2): values of [cgroups](CgroupFd). Removing a cgroup deletes its value.
    ///
    /// A descriptor that is not a directory of a cgroup2 file system fails with `EBADF`.
    ///
    /// Errors: `EBADF` (not a directory of a cgroup), `ENOMEM` (no memory to attach the value with), `EPERM` (frozen).
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
