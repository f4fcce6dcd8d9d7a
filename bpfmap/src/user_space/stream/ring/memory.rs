//! The memory of a ring buffer.

use super::{Fault, record_size};
use crate::plain::Plain;
use core::marker::PhantomData;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

/// The positions and the data of a ring buffer with events of type `E`.
///
/// The kernel writes to this memory, and so can all other processes that have opened the map. So
/// this process accesses the memory only in words, with atomic operations, and does not create
/// references to events in the memory. To compute an offset, the code masks the position. So no
/// position can lead to an access outside the memory.
pub(super) struct Memory<E> {
    consumer: NonNull<u8>,
    producer: NonNull<u8>,
    data: NonNull<u8>,
    /// The size of the ring in bytes, a power of two.
    size: u64,
    events: PhantomData<fn() -> E>,
}

// SAFETY: the memory belongs to no thread, and all accesses are atomic.
unsafe impl<E> Send for Memory<E> {}
// SAFETY: as above.
unsafe impl<E> Sync for Memory<E> {}

/// The distance in bytes from `producer_pos` to `overwrite_pos` in `struct bpf_ringbuf`
/// (`kernel/bpf/ringbuf.c`, Linux 6.19).
const OVERWRITE_POSITION: usize = 16;

impl<E: Plain> Memory<E> {
    /// The number of bytes that an event needs, including its header.
    pub(super) const RECORD: u64 = record_size(size_of::<E>() as u64);

    /// Wraps the memory of a ring of `size` bytes.
    ///
    /// # Errors
    /// [`Fault::Size`]: the size is not a power of two, or an event is larger than the ring.
    ///
    /// # Safety
    /// All three addresses must be multiples of 8. As long as the value is in use, it must be
    /// possible to read 8 bytes at `consumer`, 24 bytes at `producer` and twice `size` bytes at
    /// `data`. If a method writes to an address, it must also be possible to write there. In this
    /// process, no reference to these bytes may exist, and every other access to them must be
    /// atomic or happen before or after all accesses through this value.
    pub(super) unsafe fn new(
        consumer: NonNull<u8>,
        producer: NonNull<u8>,
        data: NonNull<u8>,
        size: u64,
    ) -> Result<Self, Fault> {
        if !size.is_power_of_two() || Self::RECORD > size {
            return Err(Fault::Size { record: Self::RECORD, ring: size, room: size });
        }
        Ok(Self { consumer, producer, data, size, events: PhantomData })
    }

    /// Returns the size of the ring in bytes.
    #[inline]
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    #[inline]
    pub(super) fn consumer(&self) -> &AtomicU64 {
        // SAFETY: the contract of `new` guarantees 8 aligned bytes.
        unsafe { AtomicU64::from_ptr(self.consumer.as_ptr().cast()) }
    }

    #[inline]
    pub(super) fn producer(&self) -> &AtomicU64 {
        // SAFETY: as in `consumer`.
        unsafe { AtomicU64::from_ptr(self.producer.as_ptr().cast()) }
    }

    /// Returns the position of the oldest record that has not been overwritten. This position
    /// exists only in a ring that overwrites old records.
    #[inline]
    pub(super) fn oldest(&self) -> &AtomicU64 {
        // SAFETY: the contract of `new` guarantees 24 aligned bytes at the producer's position.
        unsafe { AtomicU64::from_ptr(self.producer.add(OVERWRITE_POSITION).as_ptr().cast()) }
    }

    /// Returns the record at a position.
    #[inline]
    pub(super) fn record(&self, position: u64) -> Record<'_, E> {
        // SAFETY: the offset is below the ring's size.
        Record { start: unsafe { self.data.add(self.offset(position)) }, memory: PhantomData }
    }

    /// Returns the offset in the data to which a position refers. The offset is a multiple of 8
    /// that is less than the size of the ring.
    #[inline]
    fn offset(&self, position: u64) -> usize {
        // The memory exists, so its size fits.
        #[allow(clippy::cast_possible_truncation)]
        let offset = (position & (self.size - 8)) as usize;
        offset
    }
}

/// A place where a record begins or may begin. Its offset is a multiple of 8, and there is enough
/// space for a header and an event.
#[derive(Clone, Copy)]
pub(super) struct Record<'a, E> {
    start: NonNull<u8>,
    memory: PhantomData<&'a Memory<E>>,
}

impl<'a, E: Plain> Record<'a, E> {
    /// Reads the length in the record's header. After this call, everything that was written to the
    /// record before its length is visible.
    #[inline]
    pub(super) fn len(self) -> u32 {
        let [a, b, c, d, ..] = self.header().load(Ordering::Acquire).to_ne_bytes();
        u32::from_ne_bytes([a, b, c, d])
    }

    /// Writes the record's header: the length, and a word that the kernel uses itself.
    #[inline]
    pub(super) fn set_len(self, len: u32) {
        let [a, b, c, d] = len.to_ne_bytes();
        let header = u64::from_ne_bytes([a, b, c, d, 0, 0, 0, 0]);
        self.header().store(header, Ordering::Relaxed);
    }

    /// Returns the record's whole header as one word, because Rust's memory model does not allow
    /// atomic accesses of different sizes to the same location.
    #[inline]
    fn header(self) -> &'a AtomicU64 {
        // SAFETY: a ring has at least 8 bytes, and a record begins at a multiple of 8.
        unsafe { AtomicU64::from_ptr(self.start.as_ptr().cast()) }
    }

    /// Returns a reference to the record's event in the ring.
    ///
    /// # Safety
    /// As long as the reference is used, no process, program or thread may write to the record.
    #[inline]
    pub(super) unsafe fn event(self) -> &'a E {
        const {
            assert!(align_of::<E>() <= 8, "records are aligned to 8 bytes, and the event to more");
        }
        // SAFETY: the record begins at a multiple of 8 below the ring's size. `Memory::new` has checked that an event
        // with its header is not larger than the ring, and there is twice the size. Its bytes may have any value.
        unsafe { self.start.add(super::RECORD_HEADER).cast().as_ref() }
    }

    /// Copies the record's event to `to`. Another process or program may write to the record during
    /// the copy, so the caller must check afterwards whether the copy is valid.
    #[inline]
    pub(super) fn copy_out(self, to: &mut E) {
        let to = core::ptr::from_mut(to).cast::<u8>();
        for start in (0..size_of::<E>()).step_by(8) {
            let word = self.word(start).load(Ordering::Relaxed).to_ne_bytes();
            let len = (size_of::<E>() - start).min(word.len());
            // SAFETY: `len` bytes from `start` on are within the event, whose bytes may have any value.
            unsafe { core::ptr::copy_nonoverlapping(word.as_ptr(), to.add(start), len) };
        }
    }

    /// Copies an event into the record.
    #[inline]
    pub(super) fn copy_in(self, from: &E) {
        let from = core::ptr::from_ref(from).cast::<u8>();
        for start in (0..size_of::<E>()).step_by(8) {
            let mut word = [0; 8];
            let len = (size_of::<E>() - start).min(word.len());
            // SAFETY: `len` bytes from `start` on are within the event, which has no padding.
            unsafe { core::ptr::copy_nonoverlapping(from.add(start), word.as_mut_ptr(), len) };
            self.word(start).store(u64::from_ne_bytes(word), Ordering::Relaxed);
        }
    }

    /// Returns the eight bytes at the offset `start` in the record's event.
    #[inline]
    fn word(self, start: usize) -> &'a AtomicU64 {
        debug_assert!(start < size_of::<E>() && start % 8 == 0);
        // SAFETY: the record begins below the ring's size. `Memory::new` has checked that an event with its header,
        // rounded up to a multiple of 8, is not larger than the ring, and there is twice the size. All three are
        // multiples of 8.
        unsafe { AtomicU64::from_ptr(self.start.add(super::RECORD_HEADER + start).as_ptr().cast()) }
    }
}
