//! The number of CPUs for which the kernel keeps values.
//!
//! This number determines the size of all buffers for per-CPU maps, and the kernel does not check
//! the size of a buffer. The file that contains the number can be wrong, for example if a container
//! has mounted a different file over it. So each process checks once whether the kernel really uses
//! the number in the file.

use crate::kind::{Kind, PercpuArray};
use crate::user_space::error::{Action, Error, ErrorKind, Result};
use crate::user_space::mapping::page_size;
use crate::user_space::sys::{self, Command, CreateAttr, ElementAttr, Errno};
use core::ops::RangeInclusive;
use core::ptr::{NonNull, from_ref, null_mut};
use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::OnceLock;

/// The file that lists the possible CPUs.
const LIST: &str = "/sys/devices/system/cpu/possible";

/// Returns the number of possible CPUs. Each entry of a per-CPU map has this number of values.
///
/// The first call reads the number from the file `/sys/devices/system/cpu/possible`. All later
/// calls in the same process return the same number. The first call also creates a temporary
/// per-CPU map, and checks that the kernel writes this number of values for an entry. If the
/// process has no permission to create maps, the first call instead checks that no other file is
/// mounted over `/sys/devices/system/cpu/possible`.
///
/// ```
/// // Computes the size of the values of a per-CPU map with 10,000 entries.
/// let entries = 10_000;
/// let bytes = entries * bpfmap::possible_cpus()? * size_of::<u64>();
/// assert!(bytes >= 80_000);
/// # Ok::<(), bpfmap::Error>(())
/// ```
///
/// # Errors
/// Fails if the file can't be read or isn't a list of CPUs, for example if `/sys` is not mounted.
/// [`PossibleCpus`](ErrorKind::PossibleCpus): the kernel uses a different number, or another file
/// is mounted over this file.
#[inline]
pub fn possible_cpus() -> Result<usize> {
    static COUNT: OnceLock<usize> = OnceLock::new();
    match COUNT.get() {
        Some(&count) => Ok(count),
        None => checked().map(|count| *COUNT.get_or_init(|| count)),
    }
}

#[cold]
fn checked() -> Result<usize> {
    let failed = |errno| Error::os(Action::PossibleCpus, "", errno);
    let mut list = String::new();
    File::open(LIST)
        .and_then(|mut file| file.read_to_string(&mut list))
        .map_err(|error| failed(error.raw_os_error().unwrap_or(libc::EIO)))?;
    let count = count_cpus(&list).ok_or_else(|| failed(libc::EINVAL))?;
    // Miri has no kernel, and so no maps.
    if cfg!(miri) {
        return Ok(count);
    }
    let differs = |text| Error::told(Action::PossibleCpus, "", ErrorKind::PossibleCpus, 0, text);
    let help = "help: unmount the file system that covers the file or one of its parent folders";
    match measured(count) {
        Ok(Measured::Cpus(kernels)) if kernels == count => Ok(count),
        Ok(Measured::Cpus(kernels)) => Err(differs(format!(
            "{LIST} lists {count} CPUs, but the kernel keeps values of {kernels} CPUs ({help})"
        ))),
        Ok(Measured::More) => Err(differs(format!(
            "{LIST} lists {count} CPUs, but the kernel keeps values of more CPUs ({help})"
        ))),
        // Creating a map is not allowed, or there is not enough memory. In this case, check that
        // the file belongs to the kernel.
        Err(_) => match list_of_the_kernel() {
            Ok(own) if own == list => Ok(count),
            _ => Err(differs(format!(
                "{LIST} is not the kernel's own file, and this process may not create a map to count the CPUs \
                 ({help}, or run with CAP_BPF)"
            ))),
        },
    }
}

/// The result of the test with a per-CPU map.
#[derive(Debug, PartialEq, Eq)]
enum Measured {
    /// The number of values that the kernel wrote.
    Cpus(usize),
    /// The kernel wrote more values than fit into the buffer.
    More,
}

/// The minimum number of CPUs for which the buffer has space. No distribution has a larger
/// `NR_CPUS`.
const ROOM: usize = 8192;

/// The contents of a word in the buffer before the kernel writes to it.
const UNTOUCHED: u64 = 0x5a5a_a5a5_5a5a_a5a5;

/// Counts the values that the kernel writes for one entry of a per-CPU map. The buffer is followed
/// by a page without access rights. If the kernel tries to write too many values, the system call
/// therefore fails (`EFAULT`) instead of overwriting other memory.
fn measured(said: usize) -> Result<Measured, Errno> {
    let map = map_of_one_word()?;
    // Space for one more value than the file says, so that an additional value is detected.
    let mut room = Guarded::new(said.saturating_add(1).max(ROOM))?;
    room.words().fill(UNTOUCHED);
    match room.look_up(map.as_fd()) {
        Ok(()) => {}
        Err(Errno(libc::EFAULT)) => return Ok(Measured::More),
        Err(errno) => return Err(errno),
    }
    // A new entry is zero.
    let written = room.words().iter().take_while(|word| **word == 0).count();
    let rest = room.words().get(written..).unwrap_or_default();
    let is_clean = rest.iter().all(|word| *word == UNTOUCHED);
    if is_clean { Ok(Measured::Cpus(written)) } else { Err(Errno(libc::EIO)) }
}

/// Returns a per-CPU array with one entry of 8 bytes.
fn map_of_one_word() -> Result<OwnedFd, Errno> {
    let mut attr = CreateAttr {
        map_type: PercpuArray::TYPE,
        key_size: 4,
        value_size: 8,
        max_entries: 1,
        map_name: crate::user_space::map::kernel_name("bpfmap_cpus"),
        ..CreateAttr::default()
    };
    // SAFETY: the attribute has no address.
    let fd = unsafe { sys::bpf(Command::MapCreate, &mut attr) }?;
    // SAFETY: the kernel just returned this new descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Words that are directly followed by a page without access rights.
struct Guarded {
    start: NonNull<u64>,
    words: usize,
    /// The size of the whole mapping, including the page without access rights.
    len: usize,
}

impl Guarded {
    /// Allocates space for at least `words` words.
    fn new(words: usize) -> Result<Self, Errno> {
        let page = page_size();
        let bytes = words.checked_mul(8).and_then(|bytes| bytes.checked_next_multiple_of(page));
        let bytes = bytes.ok_or(Errno(libc::ENOMEM))?;
        let len = bytes.checked_add(page).ok_or(Errno(libc::ENOMEM))?;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: this creates a new anonymous mapping and replaces no existing one.
        let start = unsafe { libc::mmap(null_mut(), len, libc::PROT_NONE, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(sys::last_errno());
        }
        let start = NonNull::new(start.cast()).ok_or(Errno(libc::ENOMEM))?;
        let room = Self { start, words: bytes / 8, len };
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the range is our own mapping without its last page.
        match unsafe { libc::mprotect(start.as_ptr().cast(), bytes, access) } {
            0 => Ok(room),
            _ => Err(sys::last_errno()),
        }
    }

    fn words(&mut self) -> &mut [u64] {
        // SAFETY: `new` made this many words accessible at the start of a page. They are initialised, and the result
        // borrows them.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), self.words) }
    }

    /// Looks up the first entry of a map, and stores its values in the words.
    fn look_up(&mut self, map: BorrowedFd<'_>) -> Result<(), Errno> {
        let key = 0_u32;
        let mut attr = ElementAttr {
            map_fd: sys::fd_bits(map.as_raw_fd()),
            _pad: 0,
            key: sys::address(from_ref(&key)),
            value_or_next_key: sys::address(self.words().as_mut_ptr()),
            flags: 0,
        };
        // SAFETY: the key is only read. The kernel writes from the start of the words, which are borrowed mutably, and
        // stops at the page after them.
        unsafe { sys::bpf(Command::LookupElem, &mut attr) }.map(|_| ())
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: this is our own mapping with this length, and nothing borrows from it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// Reads the list from the kernel's own file. The function checks that a sysfs is mounted at
/// `/sys`, and opens the file without crossing another mount point (`openat2`, Linux 5.6).
fn list_of_the_kernel() -> std::io::Result<String> {
    let sys = File::open("/sys")?;
    let mut facts = core::mem::MaybeUninit::<libc::statfs>::zeroed();
    // SAFETY: the descriptor is open, and there is space for what the kernel writes.
    if unsafe { libc::fstatfs(sys.as_raw_fd(), facts.as_mut_ptr()) } != 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: the struct contains only numbers, which were zero before the kernel wrote to it.
    if u64::try_from(unsafe { facts.assume_init() }.f_type) != Ok(SYSFS_MAGIC) {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    let how = OpenHow { flags: libc::O_CLOEXEC as u64, mode: 0, resolve: RESOLVE_NO_XDEV };
    // SAFETY: the path ends with a zero, and the struct has this size. Both are only read.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_openat2,
            sys.as_raw_fd(),
            c"devices/system/cpu/possible".as_ptr(),
            from_ref(&how),
            size_of::<OpenHow>(),
        )
    };
    let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0);
    let fd = fd.ok_or_else(std::io::Error::last_os_error)?;
    // SAFETY: the kernel just returned this new descriptor.
    let mut file = File::from(unsafe { OwnedFd::from_raw_fd(fd) });
    let mut list = String::new();
    file.read_to_string(&mut list)?;
    Ok(list)
}

/// `struct open_how` (`include/uapi/linux/openat2.h`).
#[repr(C)]
struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}

/// Makes `openat2` fail if the path crosses a mount point.
const RESOLVE_NO_XDEV: u64 = 1;

/// The file system behind `/sys` (`include/uapi/linux/magic.h`).
const SYSFS_MAGIC: u64 = 0x6265_6572;

/// Counts the CPUs of a list such as `0-3,5`.
fn count_cpus(text: &str) -> Option<usize> {
    let count = cpu_ranges(text)?.into_iter().try_fold(0_usize, |count, range| {
        count.checked_add(range.end().checked_sub(*range.start())?.checked_add(1)?)
    })?;
    // The kernel's own limit (NR_CPUS) is far below.
    (count <= 1 << 20).then_some(count)
}

/// Returns the ranges of a list of CPUs such as `0-3,5`. Returns `None` if the start of a range is
/// greater than the end, or if the text is not such a list.
pub(crate) fn cpu_ranges(text: &str) -> Option<Vec<RangeInclusive<usize>>> {
    let range = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        (first <= last).then_some(first..=last)
    };
    text.trim_end().split(',').map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_lists_are_counted() {
        assert_eq!(count_cpus("0\n"), Some(1));
        assert_eq!(count_cpus("0-3\n"), Some(4));
        assert_eq!(count_cpus("0-1,4,6-7\n"), Some(5));
        assert_eq!(count_cpus(""), None);
        assert_eq!(count_cpus("3-1"), None);
        assert_eq!(count_cpus("0-18446744073709551615"), None);
        assert_eq!(count_cpus("x"), None);
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no kernel")]
    fn the_file_of_the_kernel_is_found_without_a_map() {
        assert_eq!(list_of_the_kernel().unwrap(), std::fs::read_to_string(LIST).unwrap());
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no kernel")]
    fn the_room_ends_at_a_page_without_access() {
        let mut room = Guarded::new(1).unwrap();
        let page = page_size();
        assert_eq!((room.words().len() * 8, room.len), (page, 2 * page));
        room.words().fill(1);
        // Reading from a socket shows which memory the kernel may write, without accessing it
        // ourselves.
        let (reader, mut writer) = std::os::unix::net::UnixStream::pair().unwrap();
        std::io::Write::write_all(&mut writer, &[0; 16]).unwrap();
        let end = room.start.as_ptr().wrapping_add(room.words);
        // SAFETY: the memory before the end is ours, and the kernel can't write after it.
        let read = unsafe { libc::read(reader.as_raw_fd(), end.wrapping_sub(1).cast(), 8) };
        assert_eq!(read, 8);
        // SAFETY: as above.
        let read = unsafe { libc::read(reader.as_raw_fd(), end.cast(), 8) };
        assert_eq!((read, sys::last_errno()), (-1, Errno(libc::EFAULT)));
    }
}
