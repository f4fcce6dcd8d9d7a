//! Reading a ring buffer.

use super::memory::Memory;
use super::{BUSY, DISCARDED, Fault, record_size};
use crate::plain::Plain;
use core::ptr::NonNull;
use core::sync::atomic::{Ordering, fence};

/// The state of a ring's reader. The consumer's position always is `next`, unless somebody else moves it.
pub(in super::super) struct Reader<E> {
    memory: Memory<E>,
    /// A full ring drops its oldest records.
    overwrites: bool,
    /// Where the next record begins.
    next: u64,
    /// Where the records end that were there when last looked; at most the ring's size behind `next`.
    end: u64,
    overwritten: u64,
}

/// What has been taken from the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Found {
    Event,
    /// A record of another size.
    WrongSize(u32),
}

impl<E: Plain> Reader<E> {
    /// Begins to read where the consumer's position is.
    ///
    /// # Errors
    /// An event has no room in the ring, or the positions are none of such a ring.
    ///
    /// # Safety
    /// The addresses are those of a ring's positions and data, aligned to 8 bytes, and can be accessed as long as the
    /// reader is used: 8 bytes at `consumer`, which can be written, 24 bytes at `producer` and twice `size` at `data`. In
    /// this process, no reference to them exists, and every access to them is atomic or happens before or after all
    /// accesses here.
    pub(in super::super) unsafe fn new(
        consumer: NonNull<u8>,
        producer: NonNull<u8>,
        data: NonNull<u8>,
        size: u64,
        overwrites: bool,
    ) -> Result<Self, Fault> {
        // SAFETY: as the caller says; only the consumer's position is written.
        let memory = unsafe { Memory::new(consumer, producer, data, size) }?;
        // The kernel never fills a ring to its last byte.
        if Memory::<E>::RECORD == size {
            return Err(Fault::Size { record: size, ring: size, room: size - 8 });
        }
        let next = memory.consumer().load(Ordering::Acquire);
        if next % 8 != 0 {
            return Err(Fault::Unaligned { position: next });
        }
        let mut reader = Self { memory, overwrites, next, end: next, overwritten: 0 };
        reader.look_for_more()?;
        if overwrites {
            reader.find_next()?;
        }
        Ok(reader)
    }

    /// Does what [`take`](Self::take) does if the next record is an event, as it mostly is; else does nothing, and `false`.
    /// Not for a ring that overwrites.
    #[inline]
    pub(in super::super) fn take_quickly(&mut self, to: &mut E) -> bool {
        debug_assert!(!self.overwrites);
        let next = self.next;
        if self.end.wrapping_sub(next) < Memory::<E>::RECORD {
            return false;
        }
        let record = self.memory.record(next);
        if record.len() as usize != size_of::<E>() {
            return false;
        }
        record.copy_out(to);
        // As in `take`.
        fence(Ordering::Acquire);
        let position = self.memory.consumer();
        if position.load(Ordering::Relaxed) != next {
            return false;
        }
        let after = next.wrapping_add(Memory::<E>::RECORD);
        position.store(after, Ordering::Release);
        self.next = after;
        true
    }

    /// Shows the next event where it lies and gives back its room, if the next record is an event, as it mostly is; else
    /// does nothing, and `false`. Not for a ring that overwrites.
    ///
    /// # Safety
    /// Nobody else moves the consumer's position or writes to records that are not given back.
    #[inline]
    pub(in super::super) unsafe fn show_quickly(&mut self, show: impl FnOnce(&E)) -> bool {
        debug_assert!(!self.overwrites);
        let next = self.next;
        if self.end.wrapping_sub(next) < Memory::<E>::RECORD {
            return false;
        }
        let record = self.memory.record(next);
        if record.len() as usize != size_of::<E>() {
            return false;
        }
        // SAFETY: programs write to a record until they submit it, which its length tells, and again when its room has been
        // given back; the caller says that nobody else does.
        show(unsafe { record.event() });
        let after = next.wrapping_add(Memory::<E>::RECORD);
        self.memory.consumer().store(after, Ordering::Release);
        self.next = after;
        true
    }

    /// Copies the next event to `to`, or says that a record is of another size, and gives back its room; `None` when
    /// there is none. What is in `to` is of use only when the answer is [`Found::Event`].
    ///
    /// # Errors
    /// Somebody else has moved the consumer's position, or what is in the ring is no record. Nothing is given back.
    #[inline(never)]
    pub(in super::super) fn take(&mut self, to: &mut E) -> Result<Option<Found>, Fault> {
        loop {
            let Some(len) = self.peek()? else { return Ok(None) };
            let size = len & !(BUSY | DISCARDED);
            let is_event = size as usize == size_of::<E>();
            if is_event {
                self.memory.record(self.next).copy_out(to);
            }
            // Was that all one record? What follows looks whether programs may have written there before the copy was
            // complete: pairs with the kernel's moving of its positions before it writes a record.
            fence(Ordering::Acquire);
            if self.overwrites && self.skip_overwritten()? {
                continue;
            }
            self.pass(record_size(u64::from(size)))?;
            if len & DISCARDED != 0 {
                continue;
            }
            return Ok(Some(if is_event { Found::Event } else { Found::WrongSize(size) }));
        }
    }

    /// Whether [`take`](Self::take) would find something.
    pub(in super::super) fn is_ready(&mut self) -> Result<bool, Fault> {
        self.check_position()?;
        Ok(self.peek()?.is_some())
    }

    /// Bytes of the records that are there now.
    pub(in super::super) fn unread(&self) -> u64 {
        let end = self.memory.producer().load(Ordering::Acquire);
        let start = match self.memory.oldest().load(Ordering::Acquire) {
            oldest if self.overwrites && is_behind(self.next, oldest) => oldest,
            _ => self.next,
        };
        Some(end.wrapping_sub(start)).filter(|unread| *unread <= self.memory.size()).unwrap_or(0)
    }

    /// Bytes of the ring.
    pub(in super::super) fn size(&self) -> u64 {
        self.memory.size()
    }

    /// Where the next record begins.
    pub(in super::super) fn position(&self) -> u64 {
        self.next
    }

    /// Bytes of records that were overwritten before they were read.
    pub(in super::super) fn overwritten(&self) -> u64 {
        self.overwritten
    }

    /// The length of the next record, once it is submitted or discarded.
    fn peek(&mut self) -> Result<Option<u32>, Fault> {
        let found = self.look()?;
        if found.is_some() {
            return Ok(found);
        }
        self.check_position()?;
        // The kernel wakes a reader whose position it finds at the record that it submits. So the position must be seen
        // before the record is looked at for the last time: pairs with the exchange in `bpf_ringbuf_commit`.
        fence(Ordering::SeqCst);
        self.look()
    }

    fn look(&mut self) -> Result<Option<u32>, Fault> {
        if self.overwrites {
            self.skip_overwritten()?;
        }
        if self.next == self.end {
            self.look_for_more()?;
            if self.next == self.end {
                return Ok(None);
            }
        }
        let len = self.memory.record(self.next).len();
        Ok((len & BUSY == 0).then_some(len))
    }

    /// Finds out where the records end now.
    fn look_for_more(&mut self) -> Result<(), Fault> {
        let mut before = None;
        loop {
            let end = self.memory.producer().load(Ordering::Acquire);
            if self.overwrites {
                // Behind the producers' position it is as new as that.
                self.skip_overwritten()?;
            }
            if end.wrapping_sub(self.next) <= self.memory.size() {
                if end % 8 != 0 {
                    return Err(Fault::Unaligned { position: end });
                }
                self.end = end;
                return Ok(());
            }
            // The programs may have filled the ring once more since `end` was read, but then it has moved.
            if !self.overwrites || before == Some(end) {
                self.check_position()?;
                return Err(self.apart(end));
            }
            before = Some(end);
        }
    }

    /// Goes on behind a record, and gives back its room.
    fn pass(&mut self, size: u64) -> Result<(), Fault> {
        self.check_position()?;
        let left = self.end.wrapping_sub(self.next);
        if size > left {
            return Err(Fault::Record { position: self.next, size, left });
        }
        self.go_to(self.next.wrapping_add(size));
        Ok(())
    }

    #[inline]
    fn go_to(&mut self, position: u64) {
        self.next = position;
        self.memory.consumer().store(position, Ordering::Release);
    }

    /// Fails if the consumer's position is not ours any more.
    #[inline]
    fn check_position(&self) -> Result<(), Fault> {
        let found = self.memory.consumer().load(Ordering::Relaxed);
        if found != self.next {
            return Err(Fault::Moved { expected: self.next, found });
        }
        Ok(())
    }

    /// Goes on to the oldest record that is left; `true`: some were overwritten.
    fn skip_overwritten(&mut self) -> Result<bool, Fault> {
        let oldest = self.memory.oldest().load(Ordering::Acquire);
        if !is_behind(self.next, oldest) {
            return Ok(false);
        }
        self.check_position()?;
        if oldest % 8 != 0 {
            return Err(Fault::Unaligned { position: oldest });
        }
        self.overwritten = self.overwritten.wrapping_add(oldest.wrapping_sub(self.next));
        if is_behind(self.end, oldest) {
            self.end = oldest;
        }
        self.go_to(oldest);
        Ok(true)
    }

    /// Makes sure that a record begins at the consumer's position, so that no event is taken for a header: in a ring that
    /// overwrites there is a place where one begins for sure.
    fn find_next(&mut self) -> Result<(), Fault> {
        let mut position = self.memory.oldest().load(Ordering::Acquire);
        while is_behind(position, self.next) {
            if self.next.wrapping_sub(position) > self.memory.size() {
                return Err(self.apart(self.end));
            }
            let len = self.memory.record(position).len() & !(BUSY | DISCARDED);
            // As in `take`: the record may be gone.
            fence(Ordering::Acquire);
            let oldest = self.memory.oldest().load(Ordering::Acquire);
            if is_behind(position, oldest) {
                position = oldest;
                continue;
            }
            let size = record_size(u64::from(len));
            let left = self.next.wrapping_sub(position);
            if size > left {
                return Err(Fault::Record { position, size, left });
            }
            position = position.wrapping_add(size);
        }
        self.look_for_more()
    }

    #[cold]
    fn apart(&self, producer: u64) -> Fault {
        Fault::Apart { consumer: self.next, producer, ring: self.memory.size() }
    }
}

/// Whether a position lies before another. Positions only grow, and one is never half of all numbers away from another.
#[inline]
fn is_behind(position: u64, other: u64) -> bool {
    (1..1 << 63).contains(&other.wrapping_sub(position))
}
