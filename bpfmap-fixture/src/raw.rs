//! Calls bpf(2) with arguments that the typed handle would reject.

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use libbpf_rs::libbpf_sys;

use crate::Answer;

/// A command of bpf(2) on one or several elements of a map.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Command {
    LookupElem,
    UpdateElem,
    DeleteElem,
    GetNextKey,
    LookupAndDeleteElem,
    LookupBatch,
    LookupAndDeleteBatch,
    UpdateBatch,
    DeleteBatch,
}

/// The flag `BPF_ANY`. Source: `include/uapi/linux/bpf.h`.
pub(crate) const BPF_ANY: u64 = 0;
/// The flag `BPF_NOEXIST`.
pub(crate) const BPF_NOEXIST: u64 = 1;
/// The flag `BPF_EXIST`.
pub(crate) const BPF_EXIST: u64 = 2;
/// The flag `BPF_F_LOCK` (since Linux 5.1).
pub(crate) const BPF_F_LOCK: u64 = 4;
/// The flag `BPF_F_ALL_CPUS` (since Linux 7.0).
pub(crate) const BPF_F_ALL_CPUS: u64 = 16;
/// The flag `BPF_F_CPU` (since Linux 7.0) with a CPU that no machine has.
pub(crate) const UNKNOWN_CPU: u64 = on_cpu(u32::MAX as usize);
/// A flag in the upper half of the flags. The kernel uses the upper half only for the number of a
/// CPU.
pub(crate) const UNKNOWN_HIGH_FLAG: u64 = 1 << 40;

/// Returns the flag `BPF_F_CPU` (since Linux 7.0) with the number of the CPU.
pub(crate) const fn on_cpu(cpu: usize) -> u64 {
    const BPF_F_CPU: u64 = 8;
    ((cpu as u64) << 32) | BPF_F_CPU
}

/// A flag that has no meaning in any kernel.
pub(crate) const UNKNOWN_FLAG: u64 = 1 << 20;

/// Runs a command on a single element. The kernel reads or writes the value in `value`. For
/// `GetNextKey`, it writes the next key to `value`.
pub(crate) fn element(
    command: Command,
    map: BorrowedFd<'_>,
    key: Option<&[u8]>,
    value: Buffer<'_>,
    flags: u64,
) -> Answer {
    let map = map.as_raw_fd();
    let key = key.map_or(std::ptr::null(), |key| key.as_ptr().cast::<c_void>());
    let value = value.address();
    // SAFETY: the key and the value are at least as long as a key and a value of the map. If the
    // kernel writes to the value, the value is borrowed mutably.
    answer(unsafe {
        match command {
            Command::LookupElem => libbpf_sys::bpf_map_lookup_elem_flags(map, key, value, flags),
            Command::UpdateElem => libbpf_sys::bpf_map_update_elem(map, key, value, flags),
            Command::DeleteElem => libbpf_sys::bpf_map_delete_elem_flags(map, key, flags),
            Command::GetNextKey => libbpf_sys::bpf_map_get_next_key(map, key, value),
            Command::LookupAndDeleteElem => {
                libbpf_sys::bpf_map_lookup_and_delete_elem_flags(map, key, value, flags)
            }
            command => unreachable!("{command:?} operates on several elements"),
        }
    })
}

/// Runs a command on several elements. Returns the count that the kernel stored.
pub(crate) fn batch(
    command: Command,
    map: BorrowedFd<'_>,
    position: Option<&mut [u8]>,
    keys: Buffer<'_>,
    values: Buffer<'_>,
    mut count: u32,
    elem_flags: u64,
) -> (Answer, u32) {
    let map = map.as_raw_fd();
    let start = std::ptr::null_mut();
    let position = position.map_or(start, |out| out.as_mut_ptr().cast::<c_void>());
    let (keys, values) = (keys.address(), values.address());
    let options = libbpf_sys::bpf_map_batch_opts {
        sz: size_of::<libbpf_sys::bpf_map_batch_opts>() as libbpf_sys::size_t,
        elem_flags,
        flags: 0,
    };
    let (left, options) = (&raw mut count, &raw const options);
    // SAFETY: keys and values have space for `count` elements. The position has space for a key,
    // and for the four bytes that hash tables write there.
    let answer = answer(unsafe {
        match command {
            Command::LookupBatch => {
                libbpf_sys::bpf_map_lookup_batch(map, start, position, keys, values, left, options)
            }
            Command::LookupAndDeleteBatch => libbpf_sys::bpf_map_lookup_and_delete_batch(
                map, start, position, keys, values, left, options,
            ),
            Command::UpdateBatch => {
                libbpf_sys::bpf_map_update_batch(map, keys, values, left, options)
            }
            Command::DeleteBatch => libbpf_sys::bpf_map_delete_batch(map, keys, left, options),
            command => unreachable!("{command:?} operates on one element"),
        }
    });
    (answer, count)
}

/// Runs `BPF_MAP_FREEZE` on a map.
pub(crate) fn freeze(map: BorrowedFd<'_>) -> Answer {
    // SAFETY: no pointer is passed.
    answer(unsafe { libbpf_sys::bpf_map_freeze(map.as_raw_fd()) })
}

/// Maps a page of a map into memory and unmaps it. If `address` is 0, the kernel chooses the
/// address. The first page has the number 0.
pub(crate) fn mmap(map: BorrowedFd<'_>, address: u64, page: u8, access: i32) -> Answer {
    let len = page_size();
    let offset = libc::off_t::try_from(len).expect("a page is small") * libc::off_t::from(page);
    let fixed = if address == 0 { 0 } else { libc::MAP_FIXED_NOREPLACE };
    let flags = libc::MAP_SHARED | fixed;
    let address = std::ptr::without_provenance_mut(usize::try_from(address).expect("an address"));
    // SAFETY: this creates a new shared mapping, which does not replace an existing mapping.
    let memory = unsafe { libc::mmap(address, len, access, flags, map.as_raw_fd(), offset) };
    if memory == libc::MAP_FAILED {
        return last_answer();
    }
    // SAFETY: the mapping was just created, and nothing refers to it.
    unsafe { libc::munmap(memory, len) };
    Answer::OK
}

/// Bytes that the kernel reads or writes.
pub(crate) enum Buffer<'a> {
    None,
    In(&'a [u8]),
    Out(&'a mut [u8]),
}

impl Buffer<'_> {
    fn address(self) -> *mut c_void {
        match self {
            Self::None => std::ptr::null_mut(),
            // The pointer is mutable only because of its type: the kernel does not write to these
            // bytes.
            Self::In(bytes) => bytes.as_ptr().cast_mut().cast(),
            Self::Out(bytes) => bytes.as_mut_ptr().cast(),
        }
    }
}

/// Converts a result of libbpf, which is 0 or a negative errno.
fn answer(result: i32) -> Answer {
    Answer(-result.min(0))
}

/// Returns the errno of the last system call of this thread.
pub(crate) fn last_answer() -> Answer {
    Answer(io::Error::last_os_error().raw_os_error().expect("a system call has failed"))
}

/// The size of a page of memory, in bytes.
pub(crate) fn page_size() -> usize {
    // SAFETY: no pointer is passed.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).expect("Linux has pages")
}

/// Converts a descriptor to the number that a value contains.
pub(crate) fn fd_bits(fd: RawFd) -> u32 {
    u32::from_ne_bytes(fd.to_ne_bytes())
}

/// A descriptor that no process has open, because the maximum number of open files is far lower.
pub(crate) const CLOSED: RawFd = i32::MAX;

/// Returns a file to which no map has attached a value.
pub(crate) fn other_file() -> File {
    File::open("/proc/self/exe").expect("a test runs with /proc mounted")
}
