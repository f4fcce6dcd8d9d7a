//! The ring of one CPU's perf event.

use super::perf_event::{self, WakeUp};
use crate::mapping::{Access, Mapping, page_size};
use crate::plain::{Plain, zeroed};
use crate::sys::Errno;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// What programs on one CPU sent.
pub(super) struct PerfRing<E> {
    pub(super) cpu: u32,
    event: OwnedFd,
    /// A page with both positions (`struct perf_event_mmap_page`), then the data.
    memory: Mapping,
    /// Where the data begins in `memory`.
    data: usize,
    mask: u64,
    /// Where the next record begins.
    next: u64,
    /// Where the records end that [`look`](Self::look) found.
    end: u64,
    /// The copy of an event that has to be moved.
    copy: E,
}

/// What stands in a ring.
pub(super) enum Found<E> {
    /// An event: in the ring, or in the ring's copy.
    Event(NonNull<E>),
    /// So many records had no room.
    Lost(u64),
    /// Something of another size.
    WrongSize(usize),
}

impl<E: Plain> PerfRing<E> {
    /// Opens the event of a CPU and maps its ring of `pages` pages, a power of two.
    pub(super) fn open(cpu: u32, pages: usize, wake_up: WakeUp) -> Result<Self, Errno> {
        let event = perf_event::open_output(cpu, wake_up)?;
        let page = page_size();
        let size = pages.checked_mul(page).ok_or(Errno(libc::EINVAL))?;
        let len = size.checked_add(page).ok_or(Errno(libc::EINVAL))?;
        let memory = Mapping::new(event.as_fd(), 0, len, Access::ReadWrite)?;
        let mask = size as u64 - 1;
        Ok(Self { cpu, event, memory, data: page, mask, next: 0, end: 0, copy: zeroed() })
    }

    /// Looks for records behind those that it found before; `true`: there are some.
    #[inline]
    pub(super) fn look(&mut self) -> bool {
        self.end = self.head().load(Ordering::Acquire);
        self.next < self.end
    }

    /// The next of those that [`look`](Self::look) found, so that one busy CPU doesn't keep the reader from the others.
    /// What was taken before is given back.
    #[inline]
    pub(super) fn take(&mut self) -> Option<Found<E>> {
        self.release();
        loop {
            if self.next >= self.end {
                self.release();
                return None;
            }
            // SAFETY: a record begins with its header; neither wraps, as both ring and records are multiples of 8.
            let header = unsafe { self.at(self.next).cast::<Header>().read() };
            let body = self.next + size_of::<Header>() as u64;
            self.next += u64::from(header.size);
            match header.kind {
                PERF_RECORD_SAMPLE => return Some(self.sample(body)),
                // An id, and how many.
                PERF_RECORD_LOST => return Some(Found::Lost(self.word(body + 8))),
                // Told of a CPU's throttling and the like, which nobody asked for.
                _ => {}
            }
        }
    }

    /// The event of a sample: the size of what the program sent, rounded up so that the record is a multiple of 8, and
    /// the bytes.
    #[inline]
    fn sample(&mut self, body: u64) -> Found<E> {
        const { assert!(size_of::<E>() <= u16::MAX as usize, "a record has at most 65,535 bytes") };
        // SAFETY: the body of a sample begins with the size.
        let size = unsafe { self.at(body).cast::<u32>().read() } as usize;
        if size != const { (size_of::<E>() + 4).next_multiple_of(8) - 4 } {
            return Found::WrongSize(size);
        }
        let start = body + 4;
        let until_end = self.mask + 1 - (start & self.mask);
        let wraps = until_end < size_of::<E>() as u64;
        if align_of::<E>() <= 4 && !wraps {
            return Found::Event(self.at(start).cast());
        }
        let copy = NonNull::from(&mut self.copy);
        // Both fit a `usize`, being at most the event's size.
        #[allow(clippy::cast_possible_truncation)]
        let first = until_end.min(size_of::<E>() as u64) as usize;
        // SAFETY: as far as the ring's end, and the rest from its start.
        unsafe {
            let to = copy.cast::<u8>();
            to.copy_from_nonoverlapping(self.at(start), first);
            to.add(first).copy_from_nonoverlapping(self.at(0), size_of::<E>() - first);
        }
        Found::Event(copy)
    }

    /// Gives back what was found before.
    #[inline]
    fn release(&self) {
        // SAFETY: within the first page, and aligned; the kernel only reads it.
        let tail = unsafe { self.memory.position(DATA_TAIL) };
        if tail.load(Ordering::Relaxed) != self.next {
            tail.store(self.next, Ordering::Release);
        }
    }

    /// Where the kernel writes next.
    #[inline]
    fn head(&self) -> &AtomicU64 {
        // SAFETY: within the first page, and aligned; it is only read.
        unsafe { self.memory.position(DATA_HEAD) }
    }

    /// The address of a position.
    #[inline]
    fn at(&self, position: u64) -> NonNull<u8> {
        // The ring is mapped, so its size fits.
        #[allow(clippy::cast_possible_truncation)]
        let offset = (position & self.mask) as usize;
        // SAFETY: the data is as long as the mask says.
        unsafe { self.memory.at(self.data + offset) }
    }

    #[inline]
    fn word(&self, position: u64) -> u64 {
        // SAFETY: words of records begin at multiples of 8, as the ring's end does.
        unsafe { self.at(position).cast().read() }
    }
}

impl<E> PerfRing<E> {
    /// The perf event.
    pub(super) fn event(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

/// `struct perf_event_header`
#[repr(C)]
struct Header {
    kind: u32,
    misc: u16,
    size: u16,
}

const PERF_RECORD_LOST: u32 = 2;
const PERF_RECORD_SAMPLE: u32 = 9;

/// Where the positions stand in `struct perf_event_mmap_page`.
const DATA_HEAD: usize = 1024;
const DATA_TAIL: usize = 1032;
