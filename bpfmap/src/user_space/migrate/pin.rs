//! The pin that a migration replaces, and the temporary pin in the same folder.

use super::lock;
use crate::user_space::error::{Action, Error, ErrorKind, Result};
use crate::user_space::map::{Info, c_path, get_pinned};
use crate::user_space::sys::{self, Command, Errno, PathAttr};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The suffix of the temporary pin of the new map. The BPF file system does not accept dots in
/// names (`kernel/bpf/inode.c`, `bpf_lookup`).
const SUFFIX: &str = "__bpfmap_migrate";

/// The pin of a map.
pub(super) struct Pin<'a> {
    /// The path of the pin. Symbolic links in the given path have been resolved.
    path: PathBuf,
    /// The temporary pin of the new map.
    beside: PathBuf,
    /// The name of the map in the schema, for error messages.
    name: &'a str,
}

/// A lock that prevents other migrations in the folder of a pin. The lock is released when this
/// value is dropped, or when the process ends for any reason.
pub(super) struct Lock(#[expect(dead_code, reason = "closing the file releases the lock")] File);

impl<'a> Pin<'a> {
    pub(super) fn new(given: &Path, name: &'a str) -> Result<Self> {
        let path = given.canonicalize().map_err(|error| {
            let errno = Errno(error.raw_os_error().unwrap_or(libc::EIO));
            Error::refused(Action::Open, name, errno, given.display().to_string())
        })?;
        let Some(file) = path.file_name() else {
            let text = format!("`{}` is not the name of a pin", given.display());
            return Err(Error::told(Action::Migrate, name, ErrorKind::Other, 0, text));
        };
        let mut beside = file.to_owned();
        beside.push(SUFFIX);
        let beside = path.with_file_name(beside);
        Ok(Self { path, beside, name })
    }

    /// Waits until no other migration works in the pin's folder. Any process that may open the
    /// folder can hold the lock. If another process holds the lock, calls `waits` with the id of
    /// that process, or with `None` if the id is not known.
    pub(super) fn lock(&self, waits: impl FnOnce(Option<u32>)) -> Result<Lock> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let locked = File::open(folder).and_then(|folder| {
            if !lock::try_lock(&folder)? {
                waits(lock::holder(&folder));
                lock::lock(&folder)?;
            }
            Ok(Lock(folder))
        });
        locked.map_err(|error| self.io(Action::Open, folder, &error))
    }

    /// Returns the pinned map.
    pub(super) fn open(&self) -> Result<OwnedFd> {
        get_pinned(&self.path).map_err(|errno| self.refused(Action::Open, &self.path, errno))
    }

    /// Returns the map that an interrupted migration has pinned temporarily.
    pub(super) fn open_beside(&self) -> Result<Option<OwnedFd>> {
        match get_pinned(&self.beside) {
            Ok(fd) => Ok(Some(fd)),
            Err(Errno(libc::ENOENT)) => Ok(None),
            Err(errno) => Err(self.refused(Action::Open, &self.beside, errno)),
        }
    }

    pub(super) fn beside(&self) -> &Path {
        &self.beside
    }

    /// Removes the temporary pin.
    pub(super) fn remove_beside(&self) -> Result<()> {
        std::fs::remove_file(&self.beside)
            .map_err(|error| self.io(Action::Unpin, &self.beside, &error))
    }

    /// Pins a map temporarily. The temporary pin gets the same owner and mode as the pin.
    pub(super) fn pin_beside(&self, map: BorrowedFd<'_>) -> Result<()> {
        let pinned = c_path(&self.beside).and_then(|path| {
            let mut attr = PathAttr {
                pathname: sys::address(path.as_ptr()),
                bpf_fd: sys::fd_bits(map.as_raw_fd()),
                file_flags: 0,
            };
            // SAFETY: the path ends with a zero and is only read.
            unsafe { sys::bpf(Command::ObjPin, &mut attr) }
        });
        pinned.map_err(|errno| self.refused(Action::Pin, &self.beside, errno))?;
        let as_the_pin = || {
            let pin = std::fs::metadata(&self.path)?;
            let ours = std::fs::metadata(&self.beside)?;
            if (ours.uid(), ours.gid()) != (pin.uid(), pin.gid()) {
                std::os::unix::fs::chown(&self.beside, Some(pin.uid()), Some(pin.gid()))?;
            }
            std::fs::set_permissions(&self.beside, pin.permissions())
        };
        as_the_pin().map_err(|error| {
            let _ = std::fs::remove_file(&self.beside);
            self.io(Action::Pin, &self.beside, &error)
        })
    }

    /// Replaces the pin with the temporary pin in one step (`simple_rename` in `fs/libfs.c`). Fails
    /// if the pin no longer refers to the map with the id `old`, or if the temporary pin does not
    /// refer to the map with the id `new`.
    pub(super) fn swap(&self, old: u32, new: u32) -> Result<()> {
        let swapped = self.still(&self.path, old).and_then(|()| {
            self.still(&self.beside, new)?;
            std::fs::rename(&self.beside, &self.path)
                .map_err(|error| self.io(Action::Pin, &self.path, &error))
        });
        if swapped.is_err() {
            let _ = std::fs::remove_file(&self.beside);
        }
        swapped
    }

    /// Fails if the map that is pinned at `path` does not have this `id`.
    fn still(&self, path: &Path, id: u32) -> Result<()> {
        let found = match get_pinned(path) {
            Ok(fd) => {
                let info = Info::of(fd.as_fd());
                info.map_err(|errno| self.refused(Action::Info, path, errno))?.id
            }
            Err(Errno(libc::ENOENT)) => 0,
            Err(errno) => return Err(self.refused(Action::Open, path, errno)),
        };
        if found == id {
            return Ok(());
        }
        let now = if found == 0 { "none".to_owned() } else { format!("the map with id {found}") };
        let text = format!(
            "{} was replaced during the migration: expected the map with id {id}, found {now}. Nothing was changed. \
             Stop the program that replaces the pin, and try again",
            path.display()
        );
        Err(Error::told(Action::Migrate, self.name, ErrorKind::Disturbed, 0, text))
    }

    fn io(&self, action: Action, path: &Path, error: &io::Error) -> Error {
        self.refused(action, path, Errno(error.raw_os_error().unwrap_or(libc::EIO)))
    }

    fn refused(&self, action: Action, path: &Path, errno: Errno) -> Error {
        Error::refused(action, self.name, errno, path.display().to_string())
    }
}
