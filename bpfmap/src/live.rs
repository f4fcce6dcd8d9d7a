//! Maps that are live, whatever they are.

use crate::error::{Error, Operation, Result};
use crate::map::{Info, btf_blob, by_id, get_pinned};
use crate::sys::{Command, Errno};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// A map that is live, of which no spec says what it is: to look at it, and to [verify](crate::verify) it.
#[derive(Debug)]
pub struct LiveMap {
    fd: OwnedFd,
    info: Info,
}

impl LiveMap {
    /// The map that is pinned at a path of a BPF file system.
    ///
    /// # Errors
    /// `ENOENT`, `EACCES`, `EPERM`: no such file, or not for this process. `EINVAL`: not a map's.
    pub fn from_pinned(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let opened = get_pinned(path).and_then(Self::from_fd);
        opened.map_err(|errno| {
            Error::refused(Operation::Open, "", errno, format!("the pin {}", path.display()))
        })
    }

    /// The map with an id. Takes `CAP_SYS_ADMIN`.
    ///
    /// # Errors
    /// `ENOENT`: no such map. `EPERM`.
    pub fn from_id(id: u32) -> Result<Self> {
        let opened = by_id(Command::MapGetFdById, id).and_then(Self::from_fd);
        opened.map_err(|errno| {
            Error::refused(Operation::Open, "", errno, format!("the map of id {id}"))
        })
    }

    fn from_fd(fd: OwnedFd) -> Result<Self, Errno> {
        let info = Info::of(fd.as_fd())?;
        Ok(Self { fd, info })
    }

    /// What the kernel said of it at opening.
    #[must_use]
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// Its BTF, as the kernel gives it; `None`: it has none.
    ///
    /// # Errors
    /// `EPERM`: it takes `CAP_SYS_ADMIN`.
    pub fn btf(&self) -> Result<Option<Vec<u8>>> {
        if self.info.btf_id == 0 {
            return Ok(None);
        }
        btf_blob(self.info.btf_id).map(Some).map_err(|errno| {
            let text = format!("the BTF of the map of id {}", self.info.id);
            Error::refused(Operation::Info, &self.info.name, errno, text)
        })
    }
}

impl AsFd for LiveMap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
