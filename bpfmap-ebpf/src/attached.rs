//! Values that are attached to sockets, inodes, tasks and cgroups.

use core::ffi::c_void;

use bpfmap::MapSpec;
use bpfmap_core::Errno;

use crate::cell::SharedCell;
use crate::kind::{self, AttachValues};
use crate::map::{Map, cell, pointer, present};

/// `BPF_LOCAL_STORAGE_GET_F_CREATE`, which has the same value for sockets (`BPF_SK_STORAGE_GET_F_CREATE`).
const CREATE: u64 = 1;

impl<S: MapSpec> Map<S> {
    /// Returns the value that is attached to an owner, or `None` if the owner has no value.
    ///
    /// | map type | owner | first kernel |
    /// | --- | --- | --- |
    /// | `sk_storage` | a full socket: a `struct bpf_sock` from `bpf_sk_fullsock`, or a `struct sock` of the kernel | 5.2 |
    /// | `inode_storage` | a `struct inode` | 5.10 |
    /// | `task_storage` | a `struct task_struct`, such as the result of `bpf_get_current_task_btf` | 5.11 |
    /// | `cgrp_storage` | a `struct cgroup` | 6.2 |
    ///
    /// ```ignore
    /// // SAFETY: the helper returns the task that runs this program.
    /// let account = unsafe { ACCOUNTS.attached(bpf_get_current_task_btf().cast()) };
    /// ```
    ///
    /// # Safety
    ///
    /// `owner` must be a pointer to an owner of this kind that the program got from the kernel. The verifier refuses
    /// other pointers, and pointers that it does not trust.
    #[inline(always)]
    #[must_use]
    pub unsafe fn attached(&self, owner: *mut c_void) -> Option<&'static SharedCell<S::Value>>
    where
        S::Kind: AttachValues,
    {
        const { kind::needs::<S>("attached", S::Kind::GET) };
        // SAFETY: the address refers to a map of this type, and the caller passes an owner. The
        // result is NULL or the value, which is valid until the program returns.
        unsafe { cell::<S>(S::Kind::get(self.as_ptr(), owner, core::ptr::null_mut(), 0)) }
    }

    /// Returns the value that is attached to an owner. If the owner has no value, first attaches `initial`. Returns
    /// `None` if this fails, for example because there is not enough memory.
    ///
    /// # Safety
    ///
    /// The condition is the same as for [`attached`](Self::attached).
    #[inline(always)]
    #[must_use]
    pub unsafe fn attached_or_insert(
        &self,
        owner: *mut c_void,
        initial: &S::Value,
    ) -> Option<&'static SharedCell<S::Value>>
    where
        S::Kind: AttachValues,
    {
        const { kind::needs::<S>("attached_or_insert", S::Kind::GET) };
        let initial = pointer(initial).cast_mut();
        // SAFETY: the conditions are the same as in `attached`. The helper only reads the initial
        // value, although it takes a pointer for writing.
        unsafe { cell::<S>(S::Kind::get(self.as_ptr(), owner, initial, CREATE)) }
    }

    /// Removes the value of an owner. Returns whether the owner had a value.
    ///
    /// # Errors
    ///
    /// Fails with `EBUSY` if this program has interrupted the kernel while it changed the values of a task or of a
    /// cgroup.
    ///
    /// # Safety
    ///
    /// The condition is the same as for [`attached`](Self::attached).
    #[inline(always)]
    pub unsafe fn detach(&self, owner: *mut c_void) -> Result<bool, Errno>
    where
        S::Kind: AttachValues,
    {
        const { kind::needs::<S>("detach", S::Kind::DELETE) };
        // SAFETY: the conditions are the same as in `attached`.
        present(unsafe { S::Kind::delete(self.as_ptr(), owner) }, Errno::ENOENT)
    }
}
