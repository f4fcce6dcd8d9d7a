//! Perf events that receive data from programs.

use crate::user_space::sys::{self, Errno};
use core::ffi::{c_int, c_long};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// The condition under which the kernel wakes a reader.
#[derive(Clone, Copy, Debug)]
pub(crate) enum WakeUp {
    /// The kernel wakes the reader after this many records.
    Events(u32),
    /// The kernel wakes the reader when this many bytes are unread.
    Bytes(u32),
}

/// Opens and enables a perf event that receives data from programs on a CPU.
pub(crate) fn open_output(cpu: u32, wake_up: WakeUp) -> Result<OwnedFd, Errno> {
    let (watermark, wake_up) = match wake_up {
        WakeUp::Events(count) => (0, count),
        WakeUp::Bytes(bytes) => (WATERMARK, bytes),
    };
    let mut attr = Attr {
        kind: PERF_TYPE_SOFTWARE,
        size: ATTR_SIZE,
        config: PERF_COUNT_SW_BPF_OUTPUT,
        sample_period: 1,
        sample_type: PERF_SAMPLE_RAW,
        flags: watermark,
        wake_up,
        ..Attr::default()
    };
    let cpu = c_int::try_from(cpu).map_err(|_| Errno(libc::EINVAL))?;
    let (any_process, no_group): (c_int, c_int) = (-1, -1);
    // SAFETY: the attribute contains its own size.
    let fd: c_long = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw mut attr,
            any_process,
            cpu,
            no_group,
            PERF_FLAG_FD_CLOEXEC,
        )
    };
    let fd = c_int::try_from(fd).ok().filter(|fd| *fd >= 0).ok_or_else(sys::last_errno)?;
    // SAFETY: the kernel just returned this new descriptor.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: the request takes no address.
    match unsafe { libc::ioctl(fd.as_raw_fd(), PERF_EVENT_IOC_ENABLE, 0) } {
        0 => Ok(fd),
        _ => Err(sys::last_errno()),
    }
}

/// The first version of `struct perf_event_attr` (`include/uapi/linux/perf_event.h`), which every kernel accepts.
#[repr(C)]
#[derive(Default)]
struct Attr {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wake_up: u32,
    bp_type: u32,
    config1: u64,
}

/// `PERF_ATTR_SIZE_VER0`
const ATTR_SIZE: u32 = 64;
const _: () = assert!(size_of::<Attr>() == ATTR_SIZE as usize);

const PERF_TYPE_SOFTWARE: u32 = 1;
const PERF_COUNT_SW_BPF_OUTPUT: u64 = 10;
const PERF_SAMPLE_RAW: u64 = 1 << 10;
/// The bit-field `watermark`.
const WATERMARK: u64 = 1 << 14;
const PERF_FLAG_FD_CLOEXEC: core::ffi::c_ulong = 1 << 3;
const PERF_EVENT_IOC_ENABLE: libc::Ioctl = 0x2400;
