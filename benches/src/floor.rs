//! The baseline: the bare system call with buffers on the stack, written by hand.
//!
//! Each job measures two copies of the baseline. The difference between the two copies shows the
//! noise of the measurement.

/// The part of `union bpf_attr` for operations on one element:
/// `struct { map_fd; key; value or next key; flags }`.
#[repr(C)]
pub(crate) struct ElementAttr {
    pub(crate) map_fd: u32,
    pub(crate) key: u64,
    pub(crate) value: u64,
    pub(crate) flags: u64,
}

pub(crate) const LOOKUP: libc::c_long = 1;
pub(crate) const UPDATE: libc::c_long = 2;
pub(crate) const DELETE: libc::c_long = 3;
pub(crate) const NEXT_KEY: libc::c_long = 4;
pub(crate) const TAKE: libc::c_long = 21;

/// Calls bpf(2). Returns 0, or -1 if the call failed; errno then contains the error.
#[inline]
pub(crate) fn bpf(
    command: libc::c_long,
    fd: i32,
    key: *const u8,
    value: *mut u8,
    size: usize,
) -> i64 {
    let attr =
        ElementAttr { map_fd: fd.cast_unsigned(), key: key as u64, value: value as u64, flags: 0 };
    // SAFETY: the callers in this program pass buffers that are large enough for keys and values.
    unsafe { libc::syscall(libc::SYS_bpf, command, &raw const attr, size) }
}
