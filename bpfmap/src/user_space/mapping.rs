//! Memory that is shared with the kernel.

use crate::user_space::sys::{self, Errno};
use core::ptr::{NonNull, null_mut};
use std::os::fd::{AsRawFd, BorrowedFd};

/// The access rights of the process to the memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    ReadWrite,
}

/// A part of a file that is mapped into memory. Dropping the value removes the mapping.
pub(crate) struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the memory belongs to no thread. The owner is responsible for its use.
unsafe impl Send for Mapping {}
// SAFETY: shared access only reads the address of the memory.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `len` bytes from `offset`, which is a multiple of the page size.
    pub(crate) fn new(
        file: BorrowedFd<'_>,
        offset: usize,
        len: usize,
        access: Access,
    ) -> Result<Self, Errno> {
        Self::at_address(file, null_mut(), offset, len, access)
    }

    /// Maps `len` bytes at a given address, which must not be in use. If the given address is null,
    /// the kernel chooses an address.
    pub(crate) fn at_address(
        file: BorrowedFd<'_>,
        address: *mut u8,
        offset: usize,
        len: usize,
        access: Access,
    ) -> Result<Self, Errno> {
        let protection = match access {
            Access::Read => libc::PROT_READ,
            Access::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
        };
        let offset = libc::off_t::try_from(offset).map_err(|_| Errno(libc::EINVAL))?;
        let fixed = if address.is_null() { 0 } else { libc::MAP_FIXED_NOREPLACE };
        let flags = libc::MAP_SHARED | fixed;
        // SAFETY: this creates a new mapping and replaces no existing one.
        let start =
            unsafe { libc::mmap(address.cast(), len, protection, flags, file.as_raw_fd(), offset) };
        if start == libc::MAP_FAILED {
            return Err(sys::last_errno());
        }
        let start = NonNull::new(start.cast()).ok_or(Errno(libc::ENOMEM))?;
        Ok(Self { start, len })
    }

    /// Returns the start address.
    #[inline]
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Returns the size in bytes.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns the address of a byte.
    ///
    /// # Safety
    /// `offset` must be less than the length.
    #[inline]
    pub(crate) unsafe fn at(&self, offset: usize) -> NonNull<u8> {
        debug_assert!(offset < self.len);
        // SAFETY: the caller promises that the offset is within the mapping.
        unsafe { self.start.add(offset) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: `new` mapped this range. Every borrow of the memory also borrows its owner.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// Returns the size of a page in bytes.
pub(crate) fn page_size() -> usize {
    // SAFETY: no address is passed.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}
