//! The writer of a user ring buffer.

use super::epoll::Epoll;
use super::sole::Sole;
use super::{ConsistentEvent, RECORD_HEADER, record_size};
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::kind::WriteRecords;
use crate::map::Map;
use crate::mapping::{Access, Mapping, page_size};
use crate::plain::{Plain, zeroed};
use crate::spec::EventSpec;
use core::fmt;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Sends events to programs through a user ring buffer (`BPF_MAP_TYPE_USER_RINGBUF`, Linux 6.1).
///
/// A program takes them with `bpf_user_ringbuf_drain` whenever it runs: sending an event runs nothing. Events go out in
/// the order of their submission.
///
/// ```no_run
/// # fn f<S: bpfmap::EventSpec<Kind = bpfmap::kind::UserRingbuf, Event = [u32; 2]>>(map: bpfmap::Map<S>) -> bpfmap::Result<()> {
/// let mut commands = bpfmap::UserRingBuf::open(&map)?;
/// if let Some(mut command) = commands.reserve() {
///     command[0] = 7;
///     command.submit();
/// }
/// # Ok(())
/// # }
/// ```
pub struct UserRingBuf<S: EventSpec> {
    map: Map<S>,
    /// A page that holds the position of the programs, which consume.
    consumer: Mapping,
    /// A page that holds the position of this writer, then the data, twice in a row: a record never wraps.
    producer: Mapping,
    /// Where the data begins in `producer`.
    data: usize,
    mask: u64,
    /// Where the next record begins.
    next: u64,
    /// Tells when a program has made room.
    epoll: Epoll,
    _sole: Sole,
}

impl<S: EventSpec> UserRingBuf<S> {
    /// Opens the writer of a map. It goes on where an earlier writer ended, of this process or another.
    ///
    /// # Errors
    /// `EBUSY`: this process has a writer of the map already. [`Mismatch`](ErrorKind::Mismatch): the ring is too small for
    /// an event. `ENOMEM`: no memory for the mapping. `EPERM`: the map is frozen.
    pub fn open(map: &Map<S>) -> Result<Self>
    where
        S::Kind: WriteRecords,
    {
        let () = ConsistentEvent::<S>::CHECK;
        const { assert!(align_of::<S::Event>() <= 8, "a record begins at a multiple of 8 bytes") };
        let map = map.try_clone()?;
        let size = u64::from(map.max_entries());
        if Self::RECORD > size {
            let text = format!("an event takes {} bytes, the ring has {size}", Self::RECORD);
            return Err(Error::told(Operation::Mmap, S::NAME, ErrorKind::Mismatch, 0, text));
        }
        let sole = Sole::take(&map)?;
        let page = page_size();
        let failed = |errno| Error::from_errno(Operation::Mmap, S::NAME, errno);
        let consumer = Mapping::new(map.as_fd(), 0, page, Access::Read).map_err(failed)?;
        let len = page + 2 * map.max_entries() as usize;
        let producer = Mapping::new(map.as_fd(), page, len, Access::ReadWrite).map_err(failed)?;
        let epoll = Epoll::new()
            .and_then(|epoll| {
                // A ring with room for half an event is writable all the time: what counts is that a program made room.
                epoll.add(map.as_fd(), libc::EPOLLOUT | libc::EPOLLET, 0)?;
                Ok(epoll)
            })
            .map_err(|errno| Error::from_errno(Operation::Wait, S::NAME, errno))?;
        let mut writer = Self {
            map,
            consumer,
            producer,
            data: page,
            mask: size - 1,
            next: 0,
            epoll,
            _sole: sole,
        };
        writer.next = writer.producer_position().load(Ordering::Relaxed);
        Ok(writer)
    }

    /// Room for an event, which is zero; `None` when the ring is full. Programs see it when it is submitted.
    #[inline]
    #[must_use = "what is not submitted is not sent"]
    pub fn reserve(&mut self) -> Option<Reservation<'_, S>> {
        if !self.has_room() {
            return None;
        }
        // SAFETY: there is room, and nobody else writes behind the producer's position.
        unsafe { self.event().write(zeroed()) };
        Some(Reservation { writer: self })
    }

    /// As [`reserve`](Self::reserve), but waits until a program has made room or the time is over; `None` then, or when a
    /// signal comes. A `timeout` of `None` waits as long as it takes.
    ///
    /// Programs wake the writer unless they drain with `BPF_RB_NO_WAKEUP`.
    ///
    /// # Errors
    /// Those of `epoll_wait(2)`; none is expected.
    pub fn reserve_within(
        &mut self,
        timeout: Option<Duration>,
    ) -> Result<Option<Reservation<'_, S>>> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        while !self.has_room() {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let mut events = [libc::epoll_event { events: 0, u64: 0 }];
            let events = self
                .epoll
                .wait(&mut events, left)
                .map_err(|errno| Error::from_errno(Operation::Wait, S::NAME, errno))?;
            if events.is_empty() && !self.has_room() {
                return Ok(None);
            }
        }
        Ok(self.reserve())
    }

    /// Sends an event; `false`, and it is not sent, when the ring is full.
    #[inline]
    #[must_use = "a full ring takes no event"]
    pub fn send(&mut self, event: &S::Event) -> bool {
        match self.reserve() {
            Some(mut reserved) => {
                *reserved = *event;
                reserved.submit();
                true
            }
            None => false,
        }
    }

    /// Bytes of events that no program has taken, with their headers (8 bytes each) and rounded up to 8.
    #[must_use]
    pub fn unread(&self) -> u64 {
        self.next.wrapping_sub(self.consumer_position().load(Ordering::Acquire))
    }

    /// Bytes of the ring; an event takes 8 more than its size, rounded up to 8.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.mask + 1
    }

    /// The map.
    #[must_use]
    pub fn map(&self) -> &Map<S> {
        &self.map
    }
}

impl<S: EventSpec> UserRingBuf<S> {
    /// Bytes that an event takes.
    const RECORD: u64 = record_size(size_of::<S::Event>() as u64);

    #[inline]
    fn has_room(&self) -> bool {
        // Pairs with the kernel's store after it has read a record.
        self.unread() <= self.capacity() - Self::RECORD
    }

    /// The address of the next record.
    #[inline]
    fn record(&self) -> NonNull<u8> {
        // The mask is less than a `u32`.
        #[allow(clippy::cast_possible_truncation)]
        let offset = (self.next & self.mask) as usize;
        // SAFETY: the data is as long as the mask says, and longer.
        unsafe { self.producer.at(self.data + offset) }
    }

    /// The address of the event in the next record.
    #[inline]
    fn event(&self) -> NonNull<S::Event> {
        // SAFETY: behind the header, in the data or its second copy.
        unsafe { self.record().add(RECORD_HEADER) }.cast()
    }

    /// Shows programs the record that was reserved.
    #[inline]
    fn publish(&mut self) {
        // `struct bpf_ringbuf_hdr` (`kernel/bpf/ringbuf.c`): the size, without the bits of an unfinished or discarded
        // record, and a word for the kernel's own use. The kernel looks at it behind the position only.
        let header = [const { size_of_u32::<S::Event>() }, 0];
        // SAFETY: there is room, at a multiple of 8 bytes.
        unsafe { self.record().cast().write(header) };
        self.next += Self::RECORD;
        self.producer_position().store(self.next, Ordering::Release);
    }

    #[inline]
    fn consumer_position(&self) -> &AtomicU64 {
        // SAFETY: it begins the page, and is only read.
        unsafe { self.consumer.position(0) }
    }

    #[inline]
    fn producer_position(&self) -> &AtomicU64 {
        // SAFETY: it begins the page, which can be written.
        unsafe { self.producer.position(0) }
    }
}

/// The size of an event as a header has it, beside the two bits that it needs for itself.
const fn size_of_u32<E: Plain>() -> u32 {
    assert!(size_of::<E>() < 1 << 30, "a record has less than a gigabyte");
    #[allow(clippy::cast_possible_truncation, reason = "asserted")]
    let size = size_of::<E>() as u32;
    size
}

/// Room for an event, which is in the ring's own memory: see [`UserRingBuf::reserve`]. Dropping it gives the room back,
/// and no program sees the event.
#[must_use = "what is not submitted is not sent"]
pub struct Reservation<'a, S: EventSpec> {
    writer: &'a mut UserRingBuf<S>,
}

impl<S: EventSpec> Reservation<'_, S> {
    /// Sends the event.
    #[inline]
    pub fn submit(self) {
        self.writer.publish();
    }

    /// Gives the room back, as dropping does.
    #[inline]
    pub fn discard(self) {}
}

impl<S: EventSpec> Deref for Reservation<'_, S> {
    type Target = S::Event;

    #[inline]
    fn deref(&self) -> &S::Event {
        // SAFETY: written when it was reserved, aligned to 8 bytes, and unknown to programs until it is submitted.
        unsafe { self.writer.event().as_ref() }
    }
}

impl<S: EventSpec> DerefMut for Reservation<'_, S> {
    #[inline]
    fn deref_mut(&mut self) -> &mut S::Event {
        // SAFETY: as in `deref`; the writer is borrowed for this alone.
        unsafe { self.writer.event().as_mut() }
    }
}

impl<S: EventSpec<Event: fmt::Debug>> fmt::Debug for Reservation<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reservation").field(&**self).finish()
    }
}

impl<S: EventSpec> fmt::Debug for UserRingBuf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserRingBuf")
            .field("map", &self.map)
            .field("unread", &self.unread())
            .finish_non_exhaustive()
    }
}
