//! Functions that wait for descriptors.

use crate::user_space::sys::{self, Errno};
use core::ffi::c_int;
use core::ptr::null_mut;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// `epoll(7)`.
pub(super) struct Epoll(OwnedFd);

impl Epoll {
    pub(super) fn new() -> Result<Self, Errno> {
        // SAFETY: no address is passed.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(sys::last_errno());
        }
        // SAFETY: the kernel just returned this new descriptor.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Adds a descriptor. From now on, [`wait`](Self::wait) also waits for `events` on this
    /// descriptor, and returns them with `data`.
    pub(super) fn add(&self, fd: BorrowedFd<'_>, events: c_int, data: u64) -> Result<(), Errno> {
        let events = u32::from_ne_bytes(events.to_ne_bytes());
        let mut event = libc::epoll_event { events, u64: data };
        // SAFETY: the event is only read.
        let done = unsafe {
            libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, fd.as_raw_fd(), &raw mut event)
        };
        if done == 0 { Ok(()) } else { Err(sys::last_errno()) }
    }

    /// Removes a descriptor, so that [`wait`](Self::wait) no longer waits for it.
    pub(super) fn remove(&self, fd: BorrowedFd<'_>) {
        // SAFETY: the kernel reads no event here. A descriptor that was not added needs no removal.
        unsafe {
            libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_DEL, fd.as_raw_fd(), null_mut())
        };
    }

    /// Waits until there are events or the timeout expires, and returns the events. A signal ends the wait early.
    pub(super) fn wait<'a>(
        &self,
        events: &'a mut [libc::epoll_event],
        timeout: Option<Duration>,
    ) -> Result<&'a [libc::epoll_event], Errno> {
        let room = c_int::try_from(events.len()).unwrap_or(c_int::MAX);
        // SAFETY: there is space for this many events.
        let count = unsafe {
            libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), room, milliseconds(timeout))
        };
        match usize::try_from(count) {
            Ok(count) => Ok(&events[..count]),
            Err(_) => interrupted(sys::last_errno()).map(|()| &events[..0]),
        }
    }
}

impl AsFd for Epoll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Waits until a descriptor is readable or the timeout expires. Returns `true` if the descriptor is
/// readable. A signal ends the wait early.
pub(super) fn wait_readable(fd: BorrowedFd<'_>, timeout: Option<Duration>) -> Result<bool, Errno> {
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: there is one such structure.
    let count = unsafe { libc::poll(&raw mut poll, 1, milliseconds(timeout)) };
    if count < 0 {
        return interrupted(sys::last_errno()).map(|()| false);
    }
    Ok(count > 0)
}

/// Converts `EINTR` to success, because a signal that ends the wait early is not an error.
fn interrupted(errno: Errno) -> Result<(), Errno> {
    if errno == Errno(libc::EINTR) { Ok(()) } else { Err(errno) }
}

/// Converts a timeout to milliseconds, rounded up, so that a short timeout does not become a busy loop. -1 means no
/// limit.
fn milliseconds(timeout: Option<Duration>) -> c_int {
    let Some(timeout) = timeout else { return -1 };
    c_int::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(c_int::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_up() {
        assert_eq!(milliseconds(None), -1);
        assert_eq!(milliseconds(Some(Duration::ZERO)), 0);
        assert_eq!(milliseconds(Some(Duration::from_nanos(1))), 1);
        assert_eq!(milliseconds(Some(Duration::from_millis(2))), 2);
        assert_eq!(milliseconds(Some(Duration::MAX)), c_int::MAX);
    }
}
