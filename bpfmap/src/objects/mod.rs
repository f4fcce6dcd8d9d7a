//! Kernel objects that entries of maps hold: what is handed in, and what a look-up shows of it.

mod cgroup;
mod inner;
mod program;

pub use cgroup::CgroupFd;
pub(crate) use inner::as_inner;
pub use inner::{InnerMap, MapId};
pub use program::{ProgramFd, ProgramId};

use std::os::fd::{AsRawFd, BorrowedFd};

/// A descriptor as the kernel reads it from a value: an `int`, and zeros behind it.
fn descriptor(fd: BorrowedFd<'_>) -> [u8; 8] {
    let mut value = [0; 8];
    value[..4].copy_from_slice(&fd.as_raw_fd().to_ne_bytes());
    value
}

/// An id as the kernel writes it to a value of 4 bytes.
fn id([a, b, c, d, ..]: [u8; 8]) -> u32 {
    u32::from_ne_bytes([a, b, c, d])
}
