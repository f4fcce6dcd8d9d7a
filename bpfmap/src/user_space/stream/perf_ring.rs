//! The ring of a CPU's perf event.

use super::perf_event::{self, WakeUp};
use super::ring::{Fault, PerfReader};
use crate::plain::Plain;
use crate::user_space::mapping::{Access, Mapping, page_size};
use crate::user_space::sys::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The ring with the events from programs on one CPU.
pub(super) struct PerfRing<E> {
    pub(super) cpu: u32,
    pub(super) reader: PerfReader<E>,
    event: OwnedFd,
    /// The memory of the ring: a page that contains both positions, followed by the data.
    _memory: Mapping,
}

/// The reason why a ring can't be opened.
pub(super) enum Refusal {
    Kernel(Errno),
    Ring(Fault),
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self::Kernel(errno)
    }
}

impl<E: Plain> PerfRing<E> {
    /// Opens the perf event of a CPU, and maps its ring of `pages` pages into memory. `pages` is a
    /// power of two.
    pub(super) fn open(cpu: u32, pages: usize, wake_up: WakeUp) -> Result<Self, Refusal> {
        let event = perf_event::open_output(cpu, wake_up)?;
        let page = page_size();
        let size = pages.checked_mul(page).ok_or(Errno(libc::EINVAL))?;
        let len = size.checked_add(page).ok_or(Errno(libc::EINVAL))?;
        let memory = Mapping::new(event.as_fd(), 0, len, Access::ReadWrite)?;
        // SAFETY: the mapping has `size` bytes after its first page.
        let data = unsafe { memory.at(page) };
        // SAFETY: the mapping begins at a page and lives as long as the reader. The event was
        // opened here and its descriptor is only passed to the kernel, so nobody else maps the
        // ring. A child process does not get a copy of the mapping. The kernel only writes to the
        // data after the head position.
        let reader = unsafe { PerfReader::new(memory.start(), data, size as u64) };
        let reader = reader.map_err(Refusal::Ring)?;
        Ok(Self { cpu, reader, event, _memory: memory })
    }
}

impl<E> PerfRing<E> {
    /// Returns the perf event.
    pub(super) fn event(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}
