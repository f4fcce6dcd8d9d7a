//! The memory of a ring buffer.

use super::{Fault, record_size};
use crate::plain::Plain;
use core::marker::PhantomData;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

/// The positions and the data of a ring buffer with events of type `E`.
///
/// The kernel writes to this memory, and so can all other processes that have opened the map. So
/// all accesses are atomic accesses to words, and there are no references to events in it. An
/// offset is a masked position, so no position can point outside the memory.
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

/// The distance of `overwrite_pos` from `producer_pos` in `struct bpf_ringbuf` (`kernel/bpf/ringbuf.c`), from Linux
/// 6.19.
const OVERWRITE_POSITION: usize = 16;

impl<E: Plain> Memory<E> {
    /// The number of bytes that an event needs, including its header.
    pub(super) const RECORD: u64 = record_size(size_of::<E>() as u64);

    /// Wraps the memory of a ring of `size` bytes.
    ///
    /// # Errors
    /// [`Fault::Size`]: the size is not a power of two, or an event is larger.
    ///
    /// # Safety
    /// All three addresses must be multiples of 8. As long as the value is in use, there must be 8 bytes at `consumer`,
    /// 24 at `producer` and twice `size` at `data` that can be read, and also written if a method writes there. In this
    /// process, no reference to them may exist, and every access to them must be atomic or happen before or after all
    /// accesses here.
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

    /// Returns the position of the oldest record that is not overwritten, in a ring that
    /// overwrites.
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

    /// Returns the offset of a position in the data, which is a multiple of 8 below the ring's size.
    #[inline]
    fn offset(&self, position: u64) -> usize {
        // The memory exists, so its size fits.
        #[allow(clippy::cast_possible_truncation)]
        let offset = (position & (self.size - 8)) as usize;
        offset
    }
}

/// An offset at which a record begins or may begin: a multiple of 8, with space for an event after the header.
#[derive(Clone, Copy)]
pub(super) struct Record<'a, E> {
    start: NonNull<u8>,
    memory: PhantomData<&'a Memory<E>>,
}

impl<'a, E: Plain> Record<'a, E> {
    /// Reads the length in its header, and synchronises with everything that was written to the
    /// record before.
    #[inline]
    pub(super) fn len(self) -> u32 {
        let [a, b, c, d, ..] = self.header().load(Ordering::Acquire).to_ne_bytes();
        u32::from_ne_bytes([a, b, c, d])
    }

    /// Writes its header: the length, and a word for the kernel's own use.
    #[inline]
    pub(super) fn set_len(self, len: u32) {
        let [a, b, c, d] = len.to_ne_bytes();
        let header = u64::from_ne_bytes([a, b, c, d, 0, 0, 0, 0]);
        self.header().store(header, Ordering::Relaxed);
    }

    /// Returns its whole header, because Rust's memory model does not allow atomic accesses of
    /// different sizes to the same location.
    #[inline]
    fn header(self) -> &'a AtomicU64 {
        // SAFETY: a ring has at least 8 bytes, and a record begins at a multiple of 8.
        unsafe { AtomicU64::from_ptr(self.start.as_ptr().cast()) }
    }

    /// Returns a reference to its event in the ring.
    ///
    /// # Safety
    /// Nobody may write to the record as long as the reference is used.
    #[inline]
    pub(super) unsafe fn event(self) -> &'a E {
        const {
            assert!(align_of::<E>() <= 8, "records are aligned to 8 bytes, and the event to more");
        }
        // SAFETY: the record begins at a multiple of 8 below the ring's size. `Memory::new` has checked that an event
        // with its header is not larger than the ring, and there is twice the size. Its bytes may have any value.
        unsafe { self.start.add(super::RECORD_HEADER).cast().as_ref() }
    }

    /// Copies its event. Another process or program may write to the record during the copy, so the
    /// caller must check afterwards whether the copy is valid.
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

    /// Copies an event into it.
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

    /// Returns eight bytes of its event, at the offset `start` in the event.
    #[inline]
    fn word(self, start: usize) -> &'a AtomicU64 {
        debug_assert!(start < size_of::<E>() && start % 8 == 0);
        // SAFETY: the record begins below the ring's size. `Memory::new` has checked that an event with its header,
        // rounded up to a multiple of 8, is not larger than the ring, and there is twice the size. All three are
        // multiples of 8.
        unsafe { AtomicU64::from_ptr(self.start.add(super::RECORD_HEADER + start).as_ptr().cast()) }
    }
}
