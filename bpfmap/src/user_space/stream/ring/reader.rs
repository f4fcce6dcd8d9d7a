//! The reader of a ring buffer.

use super::memory::Memory;
use super::{BUSY, DISCARDED, Fault, record_size};
use crate::plain::Plain;
use core::ptr::NonNull;
use core::sync::atomic::{Ordering, fence};

/// The state of a ring's reader. The consumer's position in memory always equals `next`, unless
/// another process or library moves it.
pub(in super::super) struct Reader<E> {
    memory: Memory<E>,
    /// Whether a full ring drops its oldest records.
    overwrites: bool,
    /// The position of the next record.
    next: u64,
    /// The end of the records at the last check. The distance from `next` is at most the size of
    /// the ring.
    end: u64,
    overwritten: u64,
}

/// The result of taking a record from the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Found {
    Event,
    /// A record has this size, which is not the size of an event.
    WrongSize(u32),
}

impl<E: Plain> Reader<E> {
    /// Creates a reader that starts at the consumer's position.
    ///
    /// # Errors
    /// Fails if an event does not fit into the ring, or if the positions are impossible.
    ///
    /// # Safety
    /// The addresses must be multiples of 8, and must be the addresses of a ring's positions and
    /// data. As long as the reader is used, it must be possible to read and write 8 bytes at
    /// `consumer`, and to read 24 bytes at `producer` and twice `size` bytes at `data`. In this
    /// process, no reference to these bytes may exist, and every other access to them must be
    /// atomic or happen before or after all accesses through the reader.
    pub(in super::super) unsafe fn new(
        consumer: NonNull<u8>,
        producer: NonNull<u8>,
        data: NonNull<u8>,
        size: u64,
        overwrites: bool,
    ) -> Result<Self, Fault> {
        // SAFETY: the caller promises this. Only the consumer's position is written.
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

    /// Does the same as [`take`](Self::take) if the next record is an event, which is the usual
    /// case. Otherwise does nothing and returns `false`. Must not be called for a ring that
    /// overwrites.
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
        // See the comment in `take`.
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

    /// If the next record is an event, which is the usual case, calls `show` with a reference to
    /// the event and then releases its space. Otherwise does nothing and returns `false`. Must not
    /// be called for a ring that overwrites.
    ///
    /// # Safety
    /// No other code or process may move the consumer's position or write to records that are not
    /// released.
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
        // SAFETY: programs only write to a record before they submit it, which its length shows,
        // and after its space has been released. The caller promises that nobody else writes to it.
        show(unsafe { record.event() });
        let after = next.wrapping_add(Memory::<E>::RECORD);
        self.memory.consumer().store(after, Ordering::Release);
        self.next = after;
        true
    }

    /// Copies the next event to `to`, or reports that the next record has a different size. In both
    /// cases, releases the space of the record. Returns `None` if there is no record. The content
    /// of `to` is valid only if the result is [`Found::Event`].
    ///
    /// # Errors
    /// Fails if another process or library has moved the consumer's position, or if there is no
    /// valid record in the ring. In these cases, the method releases nothing.
    #[inline(never)]
    pub(in super::super) fn take(&mut self, to: &mut E) -> Result<Option<Found>, Fault> {
        loop {
            let Some(len) = self.peek()? else { return Ok(None) };
            let size = len & !(BUSY | DISCARDED);
            let is_event = size as usize == size_of::<E>();
            if is_event {
                self.memory.record(self.next).copy_out(to);
            }
            // Check that the copy is from one record. Programs may have written there before the copy was complete.
            // This pairs with the kernel, which moves its positions before it writes a record.
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

    /// Returns whether [`take`](Self::take) would find something.
    pub(in super::super) fn is_ready(&mut self) -> Result<bool, Fault> {
        self.check_position()?;
        Ok(self.peek()?.is_some())
    }

    /// Returns the number of bytes of the current records.
    pub(in super::super) fn unread(&self) -> u64 {
        let end = self.memory.producer().load(Ordering::Acquire);
        let start = match self.memory.oldest().load(Ordering::Acquire) {
            oldest if self.overwrites && is_behind(self.next, oldest) => oldest,
            _ => self.next,
        };
        Some(end.wrapping_sub(start)).filter(|unread| *unread <= self.memory.size()).unwrap_or(0)
    }

    /// Returns the size of the ring in bytes.
    pub(in super::super) fn size(&self) -> u64 {
        self.memory.size()
    }

    /// Returns the position of the next record.
    pub(in super::super) fn position(&self) -> u64 {
        self.next
    }

    /// Returns the number of bytes of records that were overwritten before they were read.
    pub(in super::super) fn overwritten(&self) -> u64 {
        self.overwritten
    }

    /// Returns the length of the next record if it is submitted or discarded.
    fn peek(&mut self) -> Result<Option<u32>, Fault> {
        let found = self.look()?;
        if found.is_some() {
            return Ok(found);
        }
        self.check_position()?;
        // The kernel wakes a reader whose position is at the record that it submits. So the position must be visible
        // before the last check of the record. This pairs with the exchange in `bpf_ringbuf_commit`.
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

    /// Reads the current end of the records.
    fn look_for_more(&mut self) -> Result<(), Fault> {
        let mut before = None;
        loop {
            let end = self.memory.producer().load(Ordering::Acquire);
            if self.overwrites {
                // The position of the oldest record is read after the producers' position, so it is
                // at least as new.
                self.skip_overwritten()?;
            }
            if end.wrapping_sub(self.next) <= self.memory.size() {
                if end % 8 != 0 {
                    return Err(Fault::Unaligned { position: end });
                }
                self.end = end;
                return Ok(());
            }
            // The programs may have filled the ring again since `end` was read. In that case, the
            // producers' position has changed.
            if !self.overwrites || before == Some(end) {
                self.check_position()?;
                return Err(self.apart(end));
            }
            before = Some(end);
        }
    }

    /// Moves the position to the end of the record, which has `size` bytes. This releases the space
    /// of the record.
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

    /// Fails if the consumer's position is not the position that this reader stored.
    #[inline]
    fn check_position(&self) -> Result<(), Fault> {
        let found = self.memory.consumer().load(Ordering::Relaxed);
        if found != self.next {
            return Err(Fault::Moved { expected: self.next, found });
        }
        Ok(())
    }

    /// If records were overwritten before they were read, moves the position to the oldest
    /// remaining record. Returns whether records were overwritten.
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

    /// Checks that a record begins at the consumer's position. Otherwise, the reader could read the
    /// bytes of an event as a header. The check follows the records from the oldest record, whose
    /// position is known in a ring that overwrites.
    fn find_next(&mut self) -> Result<(), Fault> {
        let mut position = self.memory.oldest().load(Ordering::Acquire);
        while is_behind(position, self.next) {
            if self.next.wrapping_sub(position) > self.memory.size() {
                return Err(self.apart(self.end));
            }
            let len = self.memory.record(position).len() & !(BUSY | DISCARDED);
            // As in `take`, the record may have been overwritten.
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

/// Returns whether `position` is before `other`. Positions only grow, and two positions always
/// differ by less than half of the range of `u64`.
#[inline]
fn is_behind(position: u64, other: u64) -> bool {
    (1..1 << 63).contains(&other.wrapping_sub(position))
}
