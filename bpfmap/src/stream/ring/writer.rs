//! Writing a user ring buffer.

use super::memory::Memory;
use super::{BUSY, Fault};
use crate::plain::Plain;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

/// The state of a ring's writer. The producer's position always is `next`, unless somebody else moves it.
pub(in super::super) struct Writer<E> {
    memory: Memory<E>,
    /// Where the next record begins.
    next: u64,
}

impl<E: Plain> Writer<E> {
    /// Begins to write where the producer's position is.
    ///
    /// # Errors
    /// An event has no room in the ring, or the positions are none of such a ring.
    ///
    /// # Safety
    /// As for [`Reader::new`](super::Reader::new), except that the producer's position and the data can be written, and
    /// the consumer's position need not.
    pub(in super::super) unsafe fn new(
        consumer: NonNull<u8>,
        producer: NonNull<u8>,
        data: NonNull<u8>,
        size: u64,
    ) -> Result<Self, Fault> {
        // SAFETY: as the caller says; the consumer's position is not written.
        let memory = unsafe { Memory::new(consumer, producer, data, size) }?;
        let next = memory.producer().load(Ordering::Acquire);
        if next % 8 != 0 {
            return Err(Fault::Unaligned { position: next });
        }
        let writer = Self { memory, next };
        writer.check_unread()?;
        Ok(writer)
    }

    /// Whether the ring has room for an event.
    ///
    /// # Errors
    /// Somebody else has moved the producer's position, or the programs are not where they can be.
    #[inline]
    pub(in super::super) fn has_room(&self) -> Result<bool, Fault> {
        let found = self.memory.producer().load(Ordering::Relaxed);
        if found != self.next {
            return Err(Fault::Moved { expected: self.next, found });
        }
        Ok(self.check_unread()? <= self.memory.size() - Memory::<E>::RECORD)
    }

    /// Puts an event into the ring, and shows it to programs; `false`, and it does neither, when there is no room.
    ///
    /// # Errors
    /// As [`has_room`](Self::has_room). Programs don't see the event.
    #[inline]
    pub(in super::super) fn publish(&mut self, event: &E) -> Result<bool, Fault> {
        if !self.has_room()? {
            return Ok(false);
        }
        let record = self.memory.record(self.next);
        record.copy_in(event);
        // `struct bpf_ringbuf_hdr` (`kernel/bpf/ringbuf.c`): the size, without the bits of an unfinished or discarded
        // record, and a word for the kernel's own use. The kernel looks at it behind the position only.
        record.set_len(const { size_of_u32::<E>() });
        let after = self.next.wrapping_add(Memory::<E>::RECORD);
        // An exchange, so that no position of another writer goes unseen.
        self.memory
            .producer()
            .compare_exchange(self.next, after, Ordering::Release, Ordering::Relaxed)
            .map_err(|found| Fault::Moved { expected: self.next, found })?;
        self.next = after;
        Ok(true)
    }

    /// As [`publish`](Self::publish), where [`has_room`](Self::has_room) has said that there is room.
    #[inline]
    pub(in super::super) fn submit(&mut self, event: &E) -> Result<(), Fault> {
        if self.publish(event)? {
            return Ok(());
        }
        // Programs only make room.
        let consumer = self.memory.consumer().load(Ordering::Acquire);
        Err(Fault::Apart { consumer, producer: self.next, ring: self.memory.size() })
    }

    /// Bytes of events that no program has taken.
    #[inline]
    pub(in super::super) fn unread(&self) -> u64 {
        self.check_unread().unwrap_or(0)
    }

    /// Bytes of the ring.
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

/// The size of an event as a header has it, beside the two bits that it needs for itself.
const fn size_of_u32<E: Plain>() -> u32 {
    assert!(size_of::<E>() < (BUSY >> 1) as usize, "a record has less than a gigabyte");
    #[allow(clippy::cast_possible_truncation, reason = "asserted")]
    let size = size_of::<E>() as u32;
    size
}
