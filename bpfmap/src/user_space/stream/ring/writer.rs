//! The writer of a user ring buffer.

use super::memory::Memory;
use super::{BUSY, Fault};
use crate::plain::Plain;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

/// The state of a ring's writer. The producer's position in memory always equals `next`, unless
/// another process or library moves it.
pub(in super::super) struct Writer<E> {
    memory: Memory<E>,
    /// The position of the next record.
    next: u64,
}

impl<E: Plain> Writer<E> {
    /// Creates a writer that starts at the producer's position.
    ///
    /// # Errors
    /// Fails if an event does not fit into the ring, or if the positions are impossible.
    ///
    /// # Safety
    /// The requirements are the same as for [`Reader::new`](super::Reader::new), except that the
    /// producer's position and the data must be writable, and that the consumer's position does not
    /// have to be writable.
    pub(in super::super) unsafe fn new(
        consumer: NonNull<u8>,
        producer: NonNull<u8>,
        data: NonNull<u8>,
        size: u64,
    ) -> Result<Self, Fault> {
        // SAFETY: the caller promises this. The consumer's position is not written.
        let memory = unsafe { Memory::new(consumer, producer, data, size) }?;
        let next = memory.producer().load(Ordering::Acquire);
        if next % 8 != 0 {
            return Err(Fault::Unaligned { position: next });
        }
        let writer = Self { memory, next };
        writer.check_unread()?;
        Ok(writer)
    }

    /// Returns whether the ring has space for an event.
    ///
    /// # Errors
    /// Fails if another process or library has moved the producer's position, or if the consumer's
    /// position is impossible.
    #[inline]
    pub(in super::super) fn has_room(&self) -> Result<bool, Fault> {
        let found = self.memory.producer().load(Ordering::Relaxed);
        if found != self.next {
            return Err(Fault::Moved { expected: self.next, found });
        }
        Ok(self.check_unread()? <= self.memory.size() - Memory::<E>::RECORD)
    }

    /// Copies an event into the ring and makes it visible to programs. If there is no space, does
    /// nothing and returns `false`.
    ///
    /// # Errors
    /// Fails in the same cases as [`has_room`](Self::has_room). In these cases, programs don't see
    /// the event.
    #[inline]
    pub(in super::super) fn publish(&mut self, event: &E) -> Result<bool, Fault> {
        if !self.has_room()? {
            return Ok(false);
        }
        let record = self.memory.record(self.next);
        record.copy_in(event);
        // The header is a `struct bpf_ringbuf_hdr` (`kernel/bpf/ringbuf.c`): the size, without the bits of an
        // unfinished or discarded record, and a word for the kernel's own use. The kernel reads it only after the
        // position has moved.
        record.set_len(const { size_of_u32::<E>() });
        let after = self.next.wrapping_add(Memory::<E>::RECORD);
        // An exchange detects a change of the position by another writer.
        self.memory
            .producer()
            .compare_exchange(self.next, after, Ordering::Release, Ordering::Relaxed)
            .map_err(|found| Fault::Moved { expected: self.next, found })?;
        self.next = after;
        Ok(true)
    }

    /// Does the same as [`publish`](Self::publish), but assumes that [`has_room`](Self::has_room)
    /// has just returned `true`.
    #[inline]
    pub(in super::super) fn submit(&mut self, event: &E) -> Result<(), Fault> {
        if self.publish(event)? {
            return Ok(());
        }
        // Programs can only free space.
        let consumer = self.memory.consumer().load(Ordering::Acquire);
        Err(Fault::Apart { consumer, producer: self.next, ring: self.memory.size() })
    }

    /// Returns the number of bytes of events that no program has read.
    #[inline]
    pub(in super::super) fn unread(&self) -> u64 {
        self.check_unread().unwrap_or(0)
    }

    /// Returns the size of the ring in bytes.
    pub(in super::super) fn size(&self) -> u64 {
        self.memory.size()
    }

    #[inline]
    fn check_unread(&self) -> Result<u64, Fault> {
        // Pairs with the kernel's store after it has read a record.
        let consumer = self.memory.consumer().load(Ordering::Acquire);
        let (ring, unread) = (self.memory.size(), self.next.wrapping_sub(consumer));
        if unread > ring {
            return Err(Fault::Apart { consumer, producer: self.next, ring });
        }
        Ok(unread)
    }
}

/// Returns the size of an event as a number for the header of a record. The header also has two
/// flag bits, so the size must be less than a gigabyte.
const fn size_of_u32<E: Plain>() -> u32 {
    assert!(size_of::<E>() < (BUSY >> 1) as usize, "a record is smaller than a gigabyte");
    #[allow(clippy::cast_possible_truncation, reason = "asserted")]
    let size = size_of::<E>() as u32;
    size
}
