//! Operations on the map as a whole.

use super::info::Info;
use super::options::{c_path, on_path};
use super::{Map, OpenOptions};
use crate::spec::MapSpec;
use crate::user_space::error::{Action, Error, Result};
use crate::user_space::sys::{self, Command, FdAttr, PathAttr};
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

impl<S: MapSpec> Map<S> {
    /// Returns the kernel's information about the map.
    ///
    /// # Errors
    /// Fails if the system call fails, which is not expected.
    pub fn info(&self) -> Result<Info> {
        Info::of(self.as_fd()).map_err(|errno| Self::failed(Action::Info, errno))
    }

    /// Returns the maximum number of entries of the map. The handle reads this number once, when
    /// the map is opened.
    #[must_use]
    pub fn max_entries(&self) -> u32 {
        self.max_entries
    }

    /// Returns a second handle to the same map.
    ///
    /// ```
    /// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
    /// use bpfmap::{BpfMap, Map, UpdateMode};
    ///
    /// #[derive(BpfMap)]
    /// #[bpf_map(hash, max_entries = 8)]
    /// struct Counters {
    ///     key: u32,
    ///     value: u64,
    /// }
    ///
    /// let counters = Map::<Counters>::create()?;
    /// let of_thread = counters.try_clone()?;
    /// std::thread::spawn(move || of_thread.update(&1, &7, UpdateMode::Any)).join().unwrap()?;
    /// assert_eq!(counters.lookup(&1)?, Some(7));
    /// # Ok(()) }
    /// # #[cfg(not(feature = "derive"))] fn main() {}
    /// ```
    ///
    /// # Errors
    /// `EMFILE`: this process has reached its limit of open descriptors.
    pub fn try_clone(&self) -> Result<Self> {
        let fd = self.fd.try_clone().map_err(|error| {
            Error::os(Action::Clone, S::DEF.name, error.raw_os_error().unwrap_or(libc::EMFILE))
        })?;
        let mut clone = Self::new(fd, self.max_entries, self.layout_check);
        clone.may_hide_user_ptrs = self.may_hide_user_ptrs;
        Ok(clone)
    }

    /// Pins the map at a path of a BPF file system (`/sys/fs/bpf/…`). The pin keeps the map alive
    /// even without an open descriptor.
    ///
    /// ```no_run
    /// # fn f<Counters: bpfmap::MapSpec>() -> bpfmap::Result<()> {
    /// use bpfmap::Map;
    ///
    /// let path = "/sys/fs/bpf/counters";
    /// Map::<Counters>::create()?.pin(path)?;
    /// // In a different process, or in a later run:
    /// let counters = Map::<Counters>::from_pinned(path)?;
    /// counters.unpin(path)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `EEXIST`: the file exists. `EPERM`: the path is not on a BPF file system. `ENOENT`: the
    /// directory does not exist.
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
            .map_err(|errno| on_path::<S>(Action::Pin, path, errno))
    }

    /// Removes the pin at a path, after checking that the pin belongs to this map. The map
    /// continues to exist as long as this handle is open.
    ///
    /// # Errors
    /// `ENOENT`: the path does not exist. [`Mismatch`](crate::ErrorKind::Mismatch): the pin belongs
    /// to a different map.
    pub fn unpin(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let pinned = OpenOptions::<S>::new().any_max_entries().from_pinned(path)?;
        if pinned.info()?.id != self.info()?.id {
            let text = format!("{} is the pin of another map", path.display());
            let kind = crate::ErrorKind::Mismatch;
            return Err(Error::told(Action::Unpin, S::DEF.name, kind, 0, text));
        }
        std::fs::remove_file(path).map_err(|error| {
            let errno = sys::Errno(error.raw_os_error().unwrap_or(libc::EIO));
            on_path::<S>(Action::Unpin, path, errno)
        })
    }

    /// Makes the map permanently read-only for user space (Linux 5.2). BPF programs can still write
    /// to the map, unless the map has [`MapFlags::RDONLY_PROG`](crate::MapFlags::RDONLY_PROG).
    ///
    /// # Errors
    /// `EBUSY`: the map is mapped into memory for writing, or the map is already frozen (up to
    /// Linux 6.4). `EPERM`: the map is already frozen (on newer kernels), or the descriptor is
    /// read-only. `ENOTSUPP`: the value has a timer or, from Linux 6.2, a spin lock.
    pub fn freeze(&self) -> Result<()> {
        let mut attr = FdAttr { map_fd: sys::fd_bits(self.fd.as_raw_fd()) };
        // SAFETY: the attribute has no address.
        unsafe { sys::bpf(Command::MapFreeze, &mut attr) }
            .map(|_| ())
            .map_err(|errno| Self::failed(Action::Freeze, errno))
    }
}
