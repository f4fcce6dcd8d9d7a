//! The memory of a ring buffer.

use super::{Fault, record_size};
use crate::plain::Plain;
use core::marker::PhantomData;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

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

    /// The record at a position.
    #[inline]
    pub(super) fn record(&self, position: u64) -> Record<'_, E> {
        // SAFETY: the offset is below the ring's size.
        Record { start: unsafe { self.data.add(self.offset(position)) }, memory: PhantomData }
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

/// A place where a record begins, or may begin: a multiple of 8, with room for an event behind the header.
#[derive(Clone, Copy)]
pub(super) struct Record<'a, E> {
    start: NonNull<u8>,
    memory: PhantomData<&'a Memory<E>>,
}

impl<'a, E: Plain> Record<'a, E> {
    /// The length in its header, and all that was written to the record before that.
    #[inline]
    pub(super) fn len(self) -> u32 {
        let [a, b, c, d, ..] = self.header().load(Ordering::Acquire).to_ne_bytes();
        u32::from_ne_bytes([a, b, c, d])
    }

    /// Writes its header: the length, and a word that is for the kernel's own use.
    #[inline]
    pub(super) fn set_len(self, len: u32) {
        let [a, b, c, d] = len.to_ne_bytes();
        let header = u64::from_ne_bytes([a, b, c, d, 0, 0, 0, 0]);
        self.header().store(header, Ordering::Relaxed);
    }

    /// Its header as a whole: the memory model of Rust knows no atomic accesses of different sizes to one place.
    #[inline]
    fn header(self) -> &'a AtomicU64 {
        // SAFETY: a ring has 8 bytes at least, and a record begins at a multiple of 8.
        unsafe { AtomicU64::from_ptr(self.start.as_ptr().cast()) }
    }

    /// Its event, where it lies.
    ///
    /// # Safety
    /// Nobody writes to the record as long as the reference is used.
    #[inline]
    pub(super) unsafe fn event(self) -> &'a E {
        const {
            assert!(align_of::<E>() <= 8, "records are aligned to 8 bytes, and the event to more");
        }
        // SAFETY: the record begins at a multiple of 8 below the ring's size; an event with its header takes no more than
        // the ring, as `Memory::new` has found out, and there is twice the size. Its bytes may have any value.
        unsafe { self.start.add(super::RECORD_HEADER).cast().as_ref() }
    }

    /// Copies its event. Others may write to it meanwhile, so what it is worth is found out afterwards.
    #[inline]
    pub(super) fn copy_out(self, to: &mut E) {
        let to = core::ptr::from_mut(to).cast::<u8>();
        for start in (0..size_of::<E>()).step_by(8) {
            let word = self.word(start).load(Ordering::Relaxed).to_ne_bytes();
            let len = (size_of::<E>() - start).min(word.len());
            // SAFETY: `len` bytes from `start` on are within the event, whose bytes all may have any value.
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

    /// Eight bytes of its event, `start` bytes behind the event's begin.
    #[inline]
    fn word(self, start: usize) -> &'a AtomicU64 {
        debug_assert!(start < size_of::<E>() && start % 8 == 0);
        // SAFETY: the record begins below the ring's size, an event with its header, rounded up to 8, takes no more than
        // that, as `Memory::new` has found out, and there is twice the size. All three are multiples of 8.
        unsafe { AtomicU64::from_ptr(self.start.add(super::RECORD_HEADER + start).as_ptr().cast()) }
    }
}
