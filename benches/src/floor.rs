//! The floor: the bare system call with stack buffers, written by hand.
//!
//! Each job has two copies of it, so that the second measures the noise.

/// `struct { map_fd; key; value or next key; flags }` of `union bpf_attr`.
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

/// Returns the call: `0`, or -1 with errno.
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
    // SAFETY: the callers of this program give room for keys and values.
    unsafe { libc::syscall(libc::SYS_bpf, command, &raw const attr, size) }
}
