//! Values that are attached to sockets, inodes, tasks and cgroups.

use super::element::LOCK;
use super::{Map, Update, Value};
use crate::error::{Operation, Result};
use crate::kernel_fields::HasSpinLock;
use crate::kind::AttachValues;
use crate::spec::MapSpec;
use crate::sys::{self, Command, DeleteAttr, Errno};
use core::ptr::from_ref;
use std::os::fd::{AsFd, AsRawFd};

/// What the values of a map are attached to: a socket, a file, a task, a cgroup.
pub type Owner<'a, S> = <<S as MapSpec>::Kind as AttachValues>::Owner<'a>;

/// The key that the kernel takes: an `int`.
fn key(owner: &impl AsFd) -> i32 {
    owner.as_fd().as_raw_fd()
}

impl<S: MapSpec> Map<S>
where
    S::Kind: AttachValues,
{
    /// The value that is attached to an owner; `None` when there is none.
    ///
    /// ```no_run
    /// # use bpfmap::{Map, MapFlags, MapSpec, kind, layout::Layout};
    /// # enum Retries {}
    /// # impl MapSpec for Retries {
    /// #     type Kind = kind::SkStorage;
    /// #     type Key = u32;
    /// #     type Value = u64;
    /// #     const NAME: &'static str = "retries";
    /// #     const FLAGS: MapFlags = MapFlags::NO_PREALLOC;
    /// #     const KEY_LAYOUT: &'static Layout = Layout::U32;
    /// #     const VALUE_LAYOUT: &'static Layout = Layout::U64;
    /// # }
    /// # fn f() -> Result<(), Box<dyn std::error::Error>> {
    /// let retries = Map::<Retries>::create()?;
    /// let socket = std::net::UdpSocket::bind("[::1]:0")?;
    /// retries.attach(&socket, &3)?;
    /// assert_eq!(retries.attached(&socket)?, Some(3));
    /// assert!(retries.detach(&socket)?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `EBADF`, `ENOTSOCK`: it is no owner of the map's kind; see the marker of the map type in [`kind`](crate::kind).
    pub fn attached<'a>(&self, owner: impl Into<Owner<'a, S>>) -> Result<Option<Value<S>>> {
        self.read_attached(&owner.into(), 0)
    }

    /// Attaches a value to an owner, in place of what is there.
    ///
    /// # Errors
    /// `EBADF`, `ENOTSOCK`: as [`attached`](Self::attached). `ENOMEM`: no room. `EPERM`: the map is frozen. For a value
    /// with a [`UserPtr`](crate::UserPtr), `EFAULT`: the memory can't be written; `EOPNOTSUPP`: it crosses a page.
    pub fn attach<'a>(&self, owner: impl Into<Owner<'a, S>>, value: &Value<S>) -> Result<()> {
        self.write_attached(&owner.into(), value, Update::Any as u64)
            .map_err(|errno| Self::failed(Operation::Update, errno))
    }

    /// Attaches a value to an owner that has none; `false`, and nothing is written, when it has one.
    ///
    /// # Errors
    /// As [`attach`](Self::attach).
    pub fn attach_new<'a>(&self, owner: impl Into<Owner<'a, S>>, value: &Value<S>) -> Result<bool> {
        match self.write_attached(&owner.into(), value, Update::NoExist as u64) {
            Ok(()) => Ok(true),
            Err(Errno(libc::EEXIST)) => Ok(false),
            Err(errno) => Err(Self::failed(Operation::Update, errno)),
        }
    }

    /// Replaces the value of an owner that has one; `false`, and nothing is written, when it has none.
    ///
    /// # Errors
    /// As [`attach`](Self::attach).
    pub fn replace_attached<'a>(
        &self,
        owner: impl Into<Owner<'a, S>>,
        value: &Value<S>,
    ) -> Result<bool> {
        match self.write_attached(&owner.into(), value, Update::Exist as u64) {
            Ok(()) => Ok(true),
            Err(Errno(libc::ENOENT)) => Ok(false),
            Err(errno) => Err(Self::failed(Operation::Update, errno)),
        }
    }

    /// Takes the value from an owner; `false` when it had none.
    ///
    /// # Errors
    /// `EBADF`, `ENOTSOCK`: as [`attached`](Self::attached). `EPERM`: the map is frozen.
    pub fn detach<'a>(&self, owner: impl Into<Owner<'a, S>>) -> Result<bool> {
        let key = key(&owner.into());
        let mut attr = DeleteAttr {
            map_fd: sys::fd_bits(self.fd.as_raw_fd()),
            _pad: 0,
            key: sys::address(from_ref(&key)),
        };
        // SAFETY: the key is read only.
        match unsafe { sys::bpf(Command::DeleteElem, &mut attr) } {
            Ok(_) => Ok(true),
            Err(Errno(libc::ENOENT)) => Ok(false),
            Err(errno) => Err(Self::failed(Operation::Delete, errno)),
        }
    }

    /// As [`attached`](Self::attached), under the lock in the value (`BPF_F_LOCK`).
    ///
    /// # Errors
    /// As there.
    pub fn attached_locked<'a>(&self, owner: impl Into<Owner<'a, S>>) -> Result<Option<Value<S>>>
    where
        S::Value: HasSpinLock,
    {
        self.read_attached(&owner.into(), LOCK)
    }

    /// As [`attach`](Self::attach), under the lock in the value (`BPF_F_LOCK`): a value that is there changes in place.
    ///
    /// # Errors
    /// As there.
    pub fn attach_locked<'a>(&self, owner: impl Into<Owner<'a, S>>, value: &Value<S>) -> Result<()>
    where
        S::Value: HasSpinLock,
    {
        self.write_attached(&owner.into(), value, Update::Any as u64 | LOCK)
            .map_err(|errno| Self::failed(Operation::Update, errno))
    }

    fn read_attached(&self, owner: &Owner<'_, S>, flags: u64) -> Result<Option<Value<S>>> {
        const { assert!(size_of::<S::Key>() == size_of::<i32>(), "the key is a descriptor") };
        let key = key(owner);
        self.read((Command::LookupElem, Operation::Lookup), from_ref(&key).cast(), flags)
    }

    fn write_attached(
        &self,
        owner: &Owner<'_, S>,
        value: &Value<S>,
        flags: u64,
    ) -> core::result::Result<(), Errno> {
        const { assert!(size_of::<S::Key>() == size_of::<i32>(), "the key is a descriptor") };
        let key = key(owner);
        self.write(from_ref(&key).cast(), value, flags)
    }
}
