//! x86 I/O ports. They give access to QEMU's devices that need no driver.

use std::io;

/// Allows this process to use `count` ports, starting with `first`.
pub(super) fn allow(first: u16, count: u16) -> io::Result<()> {
    set(first, count, 1)
}

/// Denies `count` ports, starting with `first`, to this process and to all processes that it starts
/// from now on.
pub(super) fn forbid(first: u16, count: u16) -> io::Result<()> {
    set(first, count, 0)
}

fn set(first: u16, count: u16, allowed: i32) -> io::Result<()> {
    // SAFETY: ioperm takes plain numbers and changes only what this process may do.
    match unsafe { libc::ioperm(first.into(), count.into(), allowed) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Writes a byte to a port that [`allow`] allowed.
pub(super) fn write_u8(port: u16, value: u8) {
    // SAFETY: an output instruction touches no memory of this process; a port that is not allowed
    // faults.
    unsafe {
        core::arch::asm!("out dx, al", in("dx") port, in("al") value, options(nostack, preserves_flags));
    }
}

/// Writes four bytes, in native byte order, to a port that [`allow`] allowed.
///
/// # Safety
/// The device may react to the value by writing to memory. This must be sound.
pub(super) unsafe fn write_u32(port: u16, value: u32) {
    // SAFETY: as above; the caller guarantees that the device's reaction is sound.
    unsafe {
        core::arch::asm!("out dx, eax", in("dx") port, in("eax") value, options(nostack, preserves_flags));
    }
}
