//! Operations on the map as a whole.

use super::info::Info;
use super::options::{c_path, on_path};
use super::{Map, OpenOptions};
use crate::error::{Error, Operation, Result};
use crate::spec::MapSpec;
use crate::sys::{self, Command, FdAttr, PathAttr};
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

impl<S: MapSpec> Map<S> {
    /// What the kernel says of the map.
    ///
    /// # Errors
    /// Those of the system call; none is expected.
    pub fn info(&self) -> Result<Info> {
        Info::of(self.as_fd()).map_err(|errno| Self::failed(Operation::Info, errno))
    }

    /// How many entries the map can hold, as the kernel said at opening.
    #[must_use]
    pub fn max_entries(&self) -> u32 {
        self.max_entries
    }

    /// Another handle on the same map.
    ///
    /// # Errors
    /// `EMFILE`: no descriptor is left.
    pub fn try_clone(&self) -> Result<Self> {
        let fd = self.fd.try_clone().map_err(|error| {
            Error::os(Operation::Clone, S::DEF.name, error.raw_os_error().unwrap_or(libc::EMFILE))
        })?;
        let mut clone = Self::new(fd, self.max_entries, self.layout_check);
        clone.may_hide_user_ptrs = self.may_hide_user_ptrs;
        Ok(clone)
    }

    /// Pins the map at a path of a BPF file system (`/sys/fs/bpf/…`), where it lives on without a descriptor.
    ///
    /// # Errors
    /// `EEXIST`: there is a file. `EPERM`: the path is on another file system. `ENOENT`: its directory is missing.
    pub fn pin(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        c_path(path)
            .and_then(|path| {
                let mut attr = PathAttr {
                    pathname: sys::address(path.as_ptr()),
                    bpf_fd: sys::fd_bits(self.fd.as_raw_fd()),
                    file_flags: 0,
                };
                // SAFETY: the path ends with a zero and is read only.
                unsafe { sys::bpf(Command::ObjPin, &mut attr) }
            })
            .map(|_| ())
            .map_err(|errno| on_path::<S>(Operation::Pin, path, errno))
    }

    /// Removes the pin at a path, after looking that it is this map's. The map lives on while this handle does.
    ///
    /// # Errors
    /// `ENOENT`: there is no file. [`Mismatch`](crate::ErrorKind::Mismatch): it is another map's.
    pub fn unpin(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let pinned = OpenOptions::<S>::new().any_max_entries().from_pinned(path)?;
        if pinned.info()?.id != self.info()?.id {
            let text = format!("{} is the pin of another map", path.display());
            let kind = crate::ErrorKind::Mismatch;
            return Err(Error::told(Operation::Unpin, S::DEF.name, kind, 0, text));
        }
        std::fs::remove_file(path).map_err(|error| {
            let errno = sys::Errno(error.raw_os_error().unwrap_or(libc::EIO));
            on_path::<S>(Operation::Unpin, path, errno)
        })
    }

    /// Makes the map read-only for user space, for good (Linux 5.2). Programs still write, unless the map has
    /// [`MapFlags::RDONLY_PROG`](crate::MapFlags::RDONLY_PROG).
    ///
    /// # Errors
    /// `EBUSY`: it is mapped into memory for writing, or, up to Linux 6.4, frozen already. `EPERM`: frozen already, or
    /// the descriptor is read-only. `ENOTSUPP`: the value has a timer or, from Linux 6.2, a spin lock.
    pub fn freeze(&self) -> Result<()> {
        let mut attr = FdAttr { map_fd: sys::fd_bits(self.fd.as_raw_fd()) };
        // SAFETY: the attribute has no address.
        unsafe { sys::bpf(Command::MapFreeze, &mut attr) }
            .map(|_| ())
            .map_err(|errno| Self::failed(Operation::Freeze, errno))
    }
}
