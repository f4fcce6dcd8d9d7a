//! The pin that changes hands, and the name beside it that the new map has until then.

use crate::error::{Error, ErrorKind, Operation, Result};
use crate::map::{c_path, get_pinned};
use crate::sys::{self, Command, Errno, PathAttr};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What stands behind the name of a pin in that of the new map until it takes its place. The BPF file system takes no
/// dots in names (`kernel/bpf/inode.c`, `bpf_lookup`).
const SUFFIX: &str = "__bpfmap_migrate";

/// The pin of a map.
pub(super) struct Pin<'a> {
    path: &'a Path,
    /// Where the new map is pinned before it takes the pin's place.
    beside: PathBuf,
    /// The schema's name of the map, for errors.
    name: &'a str,
}

/// Holds off other migrations in the folder of a pin, until it is dropped or the process ends, however that happens.
pub(super) struct Lock(#[expect(dead_code, reason = "closing it is what ends the lock")] File);

impl<'a> Pin<'a> {
    pub(super) fn new(path: &'a Path, name: &'a str) -> Result<Self> {
        let Some(file) = path.file_name() else {
            let text = format!("`{}` names no pin", path.display());
            return Err(Error::told(Operation::Migrate, name, ErrorKind::Other, 0, text));
        };
        let mut beside = file.to_owned();
        beside.push(SUFFIX);
        Ok(Self { path, beside: path.with_file_name(beside), name })
    }

    /// Waits until no other migration works in the pin's folder.
    pub(super) fn lock(&self) -> Result<Lock> {
        let folder = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let opened = File::open(folder);
        let locked = opened.and_then(|folder| folder.lock().map(|()| Lock(folder)));
        locked.map_err(|error| self.io(Operation::Open, folder, &error))
    }

    /// The map that is pinned.
    pub(super) fn open(&self) -> Result<OwnedFd> {
        get_pinned(self.path).map_err(|errno| self.refused(Operation::Open, self.path, errno))
    }

    /// The map that an interrupted migration left beside the pin.
    pub(super) fn open_beside(&self) -> Result<Option<OwnedFd>> {
        match get_pinned(&self.beside) {
            Ok(fd) => Ok(Some(fd)),
            Err(Errno(libc::ENOENT)) => Ok(None),
            Err(errno) => Err(self.refused(Operation::Open, &self.beside, errno)),
        }
    }

    pub(super) fn beside(&self) -> &Path {
        &self.beside
    }

    /// Removes what stands beside the pin.
    pub(super) fn remove_beside(&self) -> Result<()> {
        std::fs::remove_file(&self.beside)
            .map_err(|error| self.io(Operation::Unpin, &self.beside, &error))
    }

    /// Pins a map beside, with the owner and the mode of the pin.
    pub(super) fn pin_beside(&self, map: BorrowedFd<'_>) -> Result<()> {
        let pinned = c_path(&self.beside).and_then(|path| {
            let mut attr = PathAttr {
                pathname: sys::address(path.as_ptr()),
                bpf_fd: sys::fd_bits(map.as_raw_fd()),
                file_flags: 0,
            };
            // SAFETY: the path ends with a zero and is read only.
            unsafe { sys::bpf(Command::ObjPin, &mut attr) }
        });
        pinned.map_err(|errno| self.refused(Operation::Pin, &self.beside, errno))?;
        let as_the_pin = || {
            let pin = std::fs::metadata(self.path)?;
            let ours = std::fs::metadata(&self.beside)?;
            if (ours.uid(), ours.gid()) != (pin.uid(), pin.gid()) {
                std::os::unix::fs::chown(&self.beside, Some(pin.uid()), Some(pin.gid()))?;
            }
            std::fs::set_permissions(&self.beside, pin.permissions())
        };
        as_the_pin().map_err(|error| {
            let _ = std::fs::remove_file(&self.beside);
            self.io(Operation::Pin, &self.beside, &error)
        })
    }

    /// Puts the map that is pinned beside in the place of the pin, in one step (`simple_rename` in `fs/libfs.c`).
    pub(super) fn swap(&self) -> Result<()> {
        std::fs::rename(&self.beside, self.path).map_err(|error| {
            let _ = std::fs::remove_file(&self.beside);
            self.io(Operation::Pin, self.path, &error)
        })
    }

    fn io(&self, operation: Operation, path: &Path, error: &io::Error) -> Error {
        self.refused(operation, path, Errno(error.raw_os_error().unwrap_or(libc::EIO)))
    }

    fn refused(&self, operation: Operation, path: &Path, errno: Errno) -> Error {
        Error::refused(operation, self.name, errno, path.display().to_string())
    }
}
