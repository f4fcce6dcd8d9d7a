//! Reading the ring of a perf event.

use super::Fault;
use crate::plain::{Plain, zeroed_box};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

/// The state of a perf ring's reader.
pub(in super::super) struct PerfReader<E> {
    /// The page that contains both positions (`struct perf_event_mmap_page`).
    page: NonNull<u8>,
    data: NonNull<u8>,
    /// The size of the data in bytes, a power of two.
    size: u64,
    /// The position of the next record.
    next: u64,
    /// The end of the records that [`look`](Self::look) found. The distance from `next` is at most
    /// the size of the ring.
    end: u64,
    /// The offset of the last event in the data, or `None` if the event is in `copy`.
    event: Option<usize>,
    /// A copy of the last event, if the event can't be used in place.
    copy: Box<E>,
}

// SAFETY: the memory belongs to no thread. The rest depends on the event type.
unsafe impl<E: Send> Send for PerfReader<E> {}
// SAFETY: shared access reads only a position, which is atomic, and an event.
unsafe impl<E: Sync> Sync for PerfReader<E> {}

/// The result of taking a record from the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum PerfFound {
    /// An event, which [`PerfReader::event`] returns.
    Event,
    /// This many records were lost, because the ring had no space for them.
    Lost(u64),
    /// The size of a whole record. The event in it is smaller.
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

/// The offsets of the positions in `struct perf_event_mmap_page`.
const DATA_HEAD: usize = 1024;
const DATA_TAIL: usize = 1032;

impl<E: Plain> PerfReader<E> {
    /// Creates a reader for a ring from which no record has been read.
    ///
    /// # Errors
    /// Fails if the size is not a power of two or is less than 8.
    ///
    /// # Safety
    /// Both addresses must be multiples of 8. As long as the reader is used, it must be possible to
    /// read and write 1040 bytes at `page`, and to read `size` bytes at `data`. The data between
    /// the two positions must not change, and only this reader may write the tail position. The
    /// kernel follows these rules, and only the process that opened a ring maps the ring into
    /// memory.
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

    /// Looks for new records, and returns whether there is a record that has not been returned yet.
    ///
    /// # Errors
    /// Fails if the kernel's position is impossible.
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

    /// Releases the previous record, and returns the next of the records that [`look`](Self::look)
    /// found. This method does not look for new records itself. Otherwise, a CPU that sends many
    /// events could prevent the reader from reading the rings of other CPUs.
    ///
    /// # Errors
    /// Fails if there is no valid record at the position. In this case, the method does not skip
    /// any bytes.
    #[inline]
    pub(in super::super) fn take(&mut self) -> Result<Option<PerfFound>, Fault> {
        self.event = None;
        self.release();
        while self.next != self.end {
            // SAFETY: the position of a record and the ring's size are multiples of 8, so 8 bytes are in the data.
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
                // The record contains an id and a number.
                PERF_RECORD_LOST => {
                    let count = self.word(body.wrapping_add(8));
                    self.next = self.next.wrapping_add(size);
                    return Ok(Some(PerfFound::Lost(count)));
                }
                // Other records, for example about throttling, are ignored.
                _ => self.next = self.next.wrapping_add(size),
            }
        }
        self.release();
        Ok(None)
    }

    /// Returns the last event.
    #[inline]
    pub(in super::super) fn event(&self) -> &E {
        match self.event {
            // SAFETY: `sample` checked that the event is contiguous and aligned. It is after the tail's position, which
            // moves only when the reader is used again, and this borrow ends then. So nobody writes there.
            Some(offset) => unsafe { self.data.add(offset).cast().as_ref() },
            None => &self.copy,
        }
    }

    /// Reads the event of a sample. The body of a sample consists of the size of the program's
    /// data, followed by the data. The size is rounded up so that the size of the whole record is a
    /// multiple of 8.
    #[inline]
    fn sample(&mut self, body: u64, len: u64) -> Result<PerfFound, Fault> {
        const { assert!(size_of::<E>() <= u16::MAX as usize, "a record has at most 65,535 bytes") };
        // SAFETY: the body of a sample begins with the size. It is at a multiple of 8, and so is the ring's size.
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
        // The ring is mapped, so its size fits in a `usize`.
        #[allow(clippy::cast_possible_truncation)]
        let until_end = self.size as usize - start;
        if align_of::<E>() <= 4 && size_of::<E>() <= until_end {
            self.event = Some(start);
            return Ok(PerfFound::Event);
        }
        let to = NonNull::from(&mut *self.copy).cast::<u8>();
        let first = until_end.min(size_of::<E>());
        // SAFETY: the first part ends at the ring's end, and the rest begins at its start. An event with its header is
        // not larger than the record, and the record is not larger than the ring.
        unsafe {
            to.copy_from_nonoverlapping(self.data.add(start), first);
            to.add(first).copy_from_nonoverlapping(self.data, size_of::<E>() - first);
        }
        Ok(PerfFound::Event)
    }

    /// Releases all records before the next record.
    #[inline]
    fn release(&self) {
        let tail = self.position(DATA_TAIL);
        if tail.load(Ordering::Relaxed) != self.next {
            tail.store(self.next, Ordering::Release);
        }
    }

    #[inline]
    fn position(&self, at: usize) -> &AtomicU64 {
        // SAFETY: the contract of `new` guarantees that the address is within the first page and aligned. All accesses
        // are atomic.
        unsafe { AtomicU64::from_ptr(self.page.add(at).as_ptr().cast()) }
    }

    /// Returns the offset in the data to which a position refers.
    #[inline]
    fn offset(&self, position: u64) -> usize {
        // The ring is mapped, so its size fits in a `usize`.
        #[allow(clippy::cast_possible_truncation)]
        let offset = (position & (self.size - 1)) as usize;
        offset
    }

    #[inline]
    fn word(&self, position: u64) -> u64 {
        // SAFETY: words of records begin at multiples of 8, and the size of the ring is a multiple
        // of 8.
        unsafe { self.data.add(self.offset(position)).cast().read() }
    }
}
