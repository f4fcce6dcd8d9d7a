//! Owners of attached values, except sockets and cgroups.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

/// A borrowed pidfd, which identifies a task. A pidfd comes from
/// [`pidfd_open`](https://man7.org/linux/man-pages/man2/pidfd_open.2.html).
///
/// The pidfd of a process refers to the first thread of the process.
#[derive(Clone, Copy, Debug)]
pub struct PidFd<'a>(BorrowedFd<'a>);

impl<'a> PidFd<'a> {
    /// Wraps an open pidfd. With any other descriptor, operations fail with `EBADF`.
    #[must_use]
    pub const fn new(pidfd: BorrowedFd<'a>) -> Self {
        Self(pidfd)
    }

    /// Opens a pidfd for a process (Linux 5.3). Pass this pidfd to [`new`](Self::new).
    ///
    /// # Errors
    /// `ESRCH`: no process has this id. `EINVAL`: the id belongs to a thread that is not the first
    /// thread of its process. The error has the type [`io::Error`], because this function does not
    /// use a map.
    pub fn open(process: u32) -> io::Result<OwnedFd> {
        // SAFETY: the call passes only numbers.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, process, 0) };
        match i32::try_from(fd) {
            // SAFETY: the kernel just returned this new descriptor.
            Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl AsFd for PidFd<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0
    }
}

/// A borrowed open file, which identifies an inode. All descriptors and all hard links of a file
/// share the same value.
#[derive(Clone, Copy, Debug)]
pub struct FileFd<'a>(BorrowedFd<'a>);

impl<'a, T: AsFd + ?Sized> From<&'a T> for FileFd<'a> {
    fn from(file: &'a T) -> Self {
        Self(file.as_fd())
    }
}

impl AsFd for FileFd<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0
    }
}
