//! The memory of a ring buffer.

use super::{Fault, record_size};
use crate::plain::Plain;
use core::marker::PhantomData;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The positions and the data of a ring buffer with events of type `E`.
///
/// The kernel writes to this memory, and so do all other processes that have the map. It is therefore read and written
/// as atomic words only, and nothing refers to an event in it. An offset is made of a position by masking it, so that no
/// position, whatever it is, leads out of the memory.
pub(super) struct Memory<E> {
    consumer: NonNull<u8>,
    producer: NonNull<u8>,
    data: NonNull<u8>,
    /// Bytes of the ring, a power of two.
    size: u64,
    events: PhantomData<fn() -> E>,
}

// SAFETY: the memory belongs to no thread, and is only accessed atomically.
unsafe impl<E> Send for Memory<E> {}
// SAFETY: as above.
unsafe impl<E> Sync for Memory<E> {}

/// Where `overwrite_pos` stands behind `producer_pos` in `struct bpf_ringbuf` (`kernel/bpf/ringbuf.c`), from Linux 6.19.
const OVERWRITE_POSITION: usize = 16;

impl<E: Plain> Memory<E> {
    /// Bytes that an event takes, with its header.
    pub(super) const RECORD: u64 = record_size(size_of::<E>() as u64);

    /// Takes the memory of a ring of `size` bytes.
    ///
    /// # Errors
    /// [`Fault::Size`]: the size is not a power of two, or an event takes more.
    ///
    /// # Safety
    /// All three addresses are multiples of 8, and as long as the value is in use there are 8 bytes at `consumer`, 24 at
    /// `producer` and twice `size` at `data` that can be read, and written where a method does so. In this process, no
    /// reference to them exists, and every access to them is atomic or happens before or after all accesses here.
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

    /// Bytes of the ring.
    #[inline]
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    #[inline]
    pub(super) fn consumer(&self) -> &AtomicU64 {
        // SAFETY: there are 8 aligned bytes, says the contract of `new`.
        unsafe { AtomicU64::from_ptr(self.consumer.as_ptr().cast()) }
    }

    #[inline]
    pub(super) fn producer(&self) -> &AtomicU64 {
        // SAFETY: as in `consumer`.
        unsafe { AtomicU64::from_ptr(self.producer.as_ptr().cast()) }
    }

    /// The position of the oldest record that is not overwritten, in a ring that overwrites.
    #[inline]
    pub(super) fn oldest(&self) -> &AtomicU64 {
        // SAFETY: there are 24 aligned bytes at the producer's position, says the contract of `new`.
        unsafe { AtomicU64::from_ptr(self.producer.add(OVERWRITE_POSITION).as_ptr().cast()) }
    }

    /// The length in the header of the record at a position.
    #[inline]
    pub(super) fn len(&self, position: u64) -> &AtomicU32 {
        // SAFETY: a ring has 8 bytes at least, and the offset is a multiple of 8 below its size.
        unsafe { AtomicU32::from_ptr(self.data.add(self.offset(position)).as_ptr().cast()) }
    }

    /// Writes the second word of the header of the record at a position, which is for the kernel's own use.
    #[inline]
    pub(super) fn clear_header(&self, position: u64) {
        // SAFETY: as in `len`, 4 bytes further on.
        let word = unsafe { self.data.add(self.offset(position) + 4) };
        // SAFETY: as above.
        unsafe { AtomicU32::from_ptr(word.as_ptr().cast()) }.store(0, Ordering::Relaxed);
    }

    /// Copies the event of the record at a position. Others may write to it meanwhile, so what it is worth is found out
    /// afterwards.
    #[inline]
    pub(super) fn copy_out(&self, position: u64, to: &mut E) {
        let (from, to) = (self.event(position), core::ptr::from_mut(to).cast::<u8>());
        for start in (0..size_of::<E>()).step_by(8) {
            // SAFETY: as `event` says; others access the memory atomically, or from outside of this process.
            let word = unsafe { AtomicU64::from_ptr(from.add(start).as_ptr().cast()) };
            let word = word.load(Ordering::Relaxed).to_ne_bytes();
            let len = (size_of::<E>() - start).min(word.len());
            // SAFETY: `len` bytes from `start` on are within the event, whose bytes all may have any value.
            unsafe { core::ptr::copy_nonoverlapping(word.as_ptr(), to.add(start), len) };
        }
    }

    /// Copies an event into the record at a position.
    #[inline]
    pub(super) fn copy_in(&self, position: u64, from: &E) {
        let (to, from) = (self.event(position), core::ptr::from_ref(from).cast::<u8>());
        for start in (0..size_of::<E>()).step_by(8) {
            let mut word = [0; 8];
            let len = (size_of::<E>() - start).min(word.len());
            // SAFETY: `len` bytes from `start` on are within the event, which has no padding.
            unsafe { core::ptr::copy_nonoverlapping(from.add(start), word.as_mut_ptr(), len) };
            // SAFETY: as in `copy_out`.
            let to = unsafe { AtomicU64::from_ptr(to.add(start).as_ptr().cast()) };
            to.store(u64::from_ne_bytes(word), Ordering::Relaxed);
        }
    }

    /// The event of the record at a position: aligned to 8 bytes, and as long as an event rounded up to 8.
    #[inline]
    fn event(&self, position: u64) -> NonNull<u8> {
        // SAFETY: the offset is below the ring's size, an event with its header takes no more than that, as `new` has
        // found out, and there is twice the size. Offset and header are multiples of 8.
        unsafe { self.data.add(self.offset(position) + super::RECORD_HEADER) }
    }

    /// Where the record at a position lies in the data: at a multiple of 8, and below the ring's size.
    #[inline]
    fn offset(&self, position: u64) -> usize {
        // The memory is there, so its size fits.
        #[allow(clippy::cast_possible_truncation)]
        let offset = (position & (self.size - 8)) as usize;
        offset
    }
}
