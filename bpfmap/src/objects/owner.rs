//! What values are attached to, beside sockets and cgroups.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

/// A task, borrowed: a pidfd, as [`pidfd_open`](https://man7.org/linux/man-pages/man2/pidfd_open.2.html) gives it.
///
/// It means the thread that it was opened for: of a process the first one.
#[derive(Clone, Copy, Debug)]
pub struct PidFd<'a>(BorrowedFd<'a>);

impl<'a> PidFd<'a> {
    /// The task of an open pidfd. If it is none, handing it in fails: `EBADF`.
    #[must_use]
    pub const fn new(pidfd: BorrowedFd<'a>) -> Self {
        Self(pidfd)
    }

    /// Opens the pidfd of a process (Linux 5.3), to be lent by [`new`](Self::new).
    ///
    /// # Errors
    /// `ESRCH`: there is no such process. `EINVAL`: the number is a thread's that is not the first of its process.
    /// The error is an [`io::Error`], since no map takes part.
    pub fn open(process: u32) -> io::Result<OwnedFd> {
        // SAFETY: numbers only.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, process, 0) };
        match i32::try_from(fd) {
            // SAFETY: the kernel just made it for us.
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

/// An open file, borrowed, for its inode: all descriptors and names of a file are one.
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
