//! Reading the ring of a perf event.

use super::Fault;
use crate::plain::{Plain, zeroed_box};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

/// The state of a perf ring's reader.
pub(in super::super) struct PerfReader<E> {
    /// Holds both positions (`struct perf_event_mmap_page`).
    page: NonNull<u8>,
    data: NonNull<u8>,
    /// Bytes of the data, a power of two.
    size: u64,
    /// Where the next record begins.
    next: u64,
    /// Where the records end that [`look`](Self::look) found; at most the ring's size behind `next`.
    end: u64,
    /// Where in the data the event lies that was taken last, unless it is in the copy.
    event: Option<usize>,
    /// The copy of an event that has to be moved.
    copy: Box<E>,
}

// SAFETY: the memory belongs to no thread; the rest is the event's.
unsafe impl<E: Send> Send for PerfReader<E> {}
// SAFETY: shared access reads a position, which is atomic, and an event.
unsafe impl<E: Sync> Sync for PerfReader<E> {}

/// What has been taken from the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum PerfFound {
    /// [`PerfReader::event`] has it.
    Event,
    /// So many records had no room.
    Lost(u64),
    /// Something of another size.
    WrongSize(usize),
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

impl<E: Plain> PerfReader<E> {
    /// Begins to read a ring that nobody has read.
    ///
    /// # Errors
    /// The size is not a power of two, or less than 8.
    ///
    /// # Safety
    /// The addresses are multiples of 8. As long as the reader is used, there are 1040 bytes at `page` that can be read
    /// and written, and `size` bytes at `data` that can be read. Nobody writes to the data between the two positions, and
    /// nobody else to the tail's: the kernel keeps to that, and a ring is mapped by the process alone that opened it.
    pub(in super::super) unsafe fn new(
        page: NonNull<u8>,
        data: NonNull<u8>,
        size: u64,
    ) -> Result<Self, Fault> {
        if !size.is_power_of_two() || size < 8 {
            return Err(Fault::Size { record: 8, ring: size, room: size });
        }
        Ok(Self { page, data, size, next: 0, end: 0, event: None, copy: zeroed_box() })
    }

    /// Looks for records behind those that it found before; `true`: there are some.
    ///
    /// # Errors
    /// The kernel's position is none that it can have.
    #[inline]
    pub(in super::super) fn look(&mut self) -> Result<bool, Fault> {
        // Pairs with the kernel's store after it has written a record.
        let end = self.position(DATA_HEAD).load(Ordering::Acquire);
        if end.wrapping_sub(self.next) > self.size {
            return Err(Fault::Apart { consumer: self.next, producer: end, ring: self.size });
        }
        self.end = end;
        Ok(self.next != end)
    }

    /// The next of those that [`look`](Self::look) found, so that one busy CPU doesn't keep the reader from the others.
    /// What was taken before is given back.
    ///
    /// # Errors
    /// What is in the ring is no record. It is not passed over.
    #[inline]
    pub(in super::super) fn take(&mut self) -> Result<Option<PerfFound>, Fault> {
        self.event = None;
        self.release();
        while self.next != self.end {
            // SAFETY: a position of a record and the ring's size are multiples of 8, so 8 bytes are in the data.
            let header = unsafe { self.data.add(self.offset(self.next)).cast::<Header>().read() };
            let (size, left) = (u64::from(header.size), self.end.wrapping_sub(self.next));
            let least = match header.kind {
                PERF_RECORD_SAMPLE => 16,
                PERF_RECORD_LOST => 24,
                _ => 8,
            };
            if size < least || size > left || size % 8 != 0 {
                return Err(Fault::Record { position: self.next, size, left });
            }
            let body = self.next.wrapping_add(8);
            match header.kind {
                PERF_RECORD_SAMPLE => {
                    let found = self.sample(body, size - 8)?;
                    self.next = self.next.wrapping_add(size);
                    return Ok(Some(found));
                }
                // An id, and how many.
                PERF_RECORD_LOST => {
                    let count = self.word(body.wrapping_add(8));
                    self.next = self.next.wrapping_add(size);
                    return Ok(Some(PerfFound::Lost(count)));
                }
                // Told of a CPU's throttling and the like, which nobody asked for.
                _ => self.next = self.next.wrapping_add(size),
            }
        }
        self.release();
        Ok(None)
    }

    /// The event that was taken last.
    #[inline]
    pub(in super::super) fn event(&self) -> &E {
        match self.event {
            // SAFETY: `sample` found that the event lies there as a whole and is aligned. It is behind the tail's
            // position, which moves only when the reader is used again, and this borrow ends then; so nobody writes there.
            Some(offset) => unsafe { self.data.add(offset).cast().as_ref() },
            None => &self.copy,
        }
    }

    /// The event of a sample: the size of what the program sent, rounded up so that the record is a multiple of 8, and
    /// the bytes.
    #[inline]
    fn sample(&mut self, body: u64, len: u64) -> Result<PerfFound, Fault> {
        const { assert!(size_of::<E>() <= u16::MAX as usize, "a record has at most 65,535 bytes") };
        // SAFETY: the body of a sample begins with the size, at a multiple of 8 as the ring's size is.
        let size = unsafe { self.data.add(self.offset(body)).cast::<u32>().read() };
        if u64::from(size) + 4 > len {
            let (position, size) = (self.next, u64::from(size) + 12);
            return Err(Fault::Record { position, size, left: len + 8 });
        }
        let size = size as usize;
        if size != const { (size_of::<E>() + 4).next_multiple_of(8) - 4 } {
            return Ok(PerfFound::WrongSize(size));
        }
        let start = self.offset(body.wrapping_add(4));
        // The ring is mapped, so its size fits.
        #[allow(clippy::cast_possible_truncation)]
        let until_end = self.size as usize - start;
        if align_of::<E>() <= 4 && size_of::<E>() <= until_end {
            self.event = Some(start);
            return Ok(PerfFound::Event);
        }
        let to = NonNull::from(&mut *self.copy).cast::<u8>();
        let first = until_end.min(size_of::<E>());
        // SAFETY: as far as the ring's end, and the rest from its start: an event with its header is no larger than the
        // record, and the record no larger than the ring.
        unsafe {
            to.copy_from_nonoverlapping(self.data.add(start), first);
            to.add(first).copy_from_nonoverlapping(self.data, size_of::<E>() - first);
        }
        Ok(PerfFound::Event)
    }

    /// Gives back what was found before.
    #[inline]
    fn release(&self) {
        let tail = self.position(DATA_TAIL);
        if tail.load(Ordering::Relaxed) != self.next {
            tail.store(self.next, Ordering::Release);
        }
    }

    #[inline]
    fn position(&self, at: usize) -> &AtomicU64 {
        // SAFETY: within the first page, and aligned, says the contract of `new`; all accesses are atomic.
        unsafe { AtomicU64::from_ptr(self.page.add(at).as_ptr().cast()) }
    }

    /// Where a position lies in the data.
    #[inline]
    fn offset(&self, position: u64) -> usize {
        // The ring is mapped, so its size fits.
        #[allow(clippy::cast_possible_truncation)]
        let offset = (position & (self.size - 1)) as usize;
        offset
    }

    #[inline]
    fn word(&self, position: u64) -> u64 {
        // SAFETY: words of records begin at multiples of 8, as the ring's end does.
        unsafe { self.data.add(self.offset(position)).cast().read() }
    }
}
