//! The writer of a user ring buffer.

use super::epoll::Epoll;
use super::ring::{Fault, Writer};
use super::sole::Sole;
use super::{ConsistentEvent, error_of};
use crate::error::{Error, Operation, Result};
use crate::kind::WriteRecords;
use crate::map::Map;
use crate::mapping::{Access, Mapping, page_size};
use crate::plain::{zeroed, zeroed_box};
use crate::spec::EventSpec;
use core::fmt;
use core::ops::{Deref, DerefMut};
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
/// if let Some(mut command) = commands.reserve()? {
///     command[0] = 7;
///     command.submit()?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// # One writer
///
/// A ring has one writer. The kernel does not see to that: every process that may write to the map, and every library in
/// this process, can write to the ring and move its position. Nothing unsound follows, since an event is copied into the
/// ring when it is submitted. Reserving and submitting fail with [`Contended`](crate::ErrorKind::Contended) when the position
/// is not where this writer left it, and with [`Corrupted`](crate::ErrorKind::Corrupted) when the positions can't be those of
/// a ring; the writer has then to be opened again. What programs read is worth as much as everybody who may write to the
/// map: the kernel checks the sizes of records, and nothing else.
pub struct UserRingBuf<S: EventSpec> {
    map: Map<S>,
    writer: Writer<S::Event>,
    /// The event that is reserved.
    event: Box<S::Event>,
    /// Tells when a program has made room.
    epoll: Epoll,
    /// The memory of the writer: a page that holds the position of the programs, which consume.
    _consumer: Mapping,
    /// And a page that holds the position of this writer, then the data, twice in a row: a record never wraps.
    _producer: Mapping,
    _sole: Sole,
}

impl<S: EventSpec> UserRingBuf<S> {
    /// Opens the writer of a map. It goes on where an earlier writer ended, of this process or another.
    ///
    /// # Errors
    /// `EBUSY`: this process has a writer of the map already. [`Mismatch`](crate::ErrorKind::Mismatch): the ring
    /// is too small for an event. [`Corrupted`](crate::ErrorKind::Corrupted): the positions are none of a ring. `ENOMEM`: no memory for the mapping. `EPERM`: the map is frozen.
    pub fn open(map: &Map<S>) -> Result<Self>
    where
        S::Kind: WriteRecords,
    {
        let () = ConsistentEvent::<S>::CHECK;
        let map = map.try_clone()?;
        let sole = Sole::take(&map)?;
        let page = page_size();
        let failed = |errno| Error::from_errno(Operation::Mmap, S::DEF.name, errno);
        let consumer = Mapping::new(map.as_fd(), 0, page, Access::Read).map_err(failed)?;
        let size = map.max_entries() as usize;
        let producer =
            Mapping::new(map.as_fd(), page, page + 2 * size, Access::ReadWrite).map_err(failed)?;
        // SAFETY: the mapping has twice `size` bytes behind its first page.
        let data = unsafe { producer.at(page) };
        // SAFETY: both mappings begin at a page, live as long as the writer and are used by it alone; the second can be
        // written. The kernel, and processes that map the same, access them from outside.
        let writer = unsafe { Writer::new(consumer.start(), producer.start(), data, size as u64) };
        let writer = writer.map_err(|fault| error_of::<S>(Operation::Mmap, fault))?;
        let epoll = Epoll::new()
            .and_then(|epoll| {
                // A ring with room for half an event is writable all the time: what counts is that a program made room.
                epoll.add(map.as_fd(), libc::EPOLLOUT | libc::EPOLLET, 0)?;
                Ok(epoll)
            })
            .map_err(|errno| Error::from_errno(Operation::Wait, S::DEF.name, errno))?;
        let event = zeroed_box();
        Ok(Self {
            map,
            writer,
            event,
            epoll,
            _consumer: consumer,
            _producer: producer,
            _sole: sole,
        })
    }

    /// Room for an event, which is zero; `None` when the ring is full. Programs see it when it is submitted.
    ///
    /// # Errors
    /// [`Contended`](crate::ErrorKind::Contended), [`Corrupted`](crate::ErrorKind::Corrupted): see
    /// [One writer](Self#one-writer).
    #[inline]
    pub fn reserve(&mut self) -> Result<Option<Reservation<'_, S>>> {
        if !self.has_room()? {
            return Ok(None);
        }
        *self.event = zeroed();
        Ok(Some(Reservation { writer: self }))
    }

    /// As [`reserve`](Self::reserve), but waits until a program has made room or the time is over; `None` then, or when a
    /// signal comes. A `timeout` of `None` waits as long as it takes.
    ///
    /// Programs wake the writer unless they drain with `BPF_RB_NO_WAKEUP`.
    ///
    /// # Errors
    /// As [`reserve`](Self::reserve), and those of `epoll_wait(2)`, of which none is expected.
    pub fn reserve_within(
        &mut self,
        timeout: Option<Duration>,
    ) -> Result<Option<Reservation<'_, S>>> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        while !self.has_room()? {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let mut events = [libc::epoll_event { events: 0, u64: 0 }];
            let events = self
                .epoll
                .wait(&mut events, left)
                .map_err(|errno| Error::from_errno(Operation::Wait, S::DEF.name, errno))?;
            if events.is_empty() && !self.has_room()? {
                return Ok(None);
            }
        }
        self.reserve()
    }

    /// Sends an event; `false`, and it is not sent, when the ring is full.
    ///
    /// # Errors
    /// As [`reserve`](Self::reserve); programs don't see the event.
    #[inline]
    #[must_use = "a full ring takes no event"]
    pub fn send(&mut self, event: &S::Event) -> Result<bool> {
        self.writer.publish(event).map_err(Self::error)
    }

    /// Bytes of events that no program has taken, with their headers (8 bytes each) and rounded up to 8.
    #[must_use]
    pub fn unread(&self) -> u64 {
        self.writer.unread()
    }

    /// Bytes of the ring; an event takes 8 more than its size, rounded up to 8.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.writer.size()
    }

    /// The map.
    #[must_use]
    pub fn map(&self) -> &Map<S> {
        &self.map
    }
}

impl<S: EventSpec> UserRingBuf<S> {
    #[inline]
    fn has_room(&self) -> Result<bool> {
        self.writer.has_room().map_err(Self::error)
    }

    #[cold]
    fn error(fault: Fault) -> Error {
        error_of::<S>(Operation::Push, fault)
    }
}

/// Room for an event: see [`UserRingBuf::reserve`]. Dropping it gives the room back, and no program sees the event.
#[must_use = "what is not submitted is not sent"]
pub struct Reservation<'a, S: EventSpec> {
    writer: &'a mut UserRingBuf<S>,
}

impl<S: EventSpec> Reservation<'_, S> {
    /// Sends the event.
    ///
    /// # Errors
    /// As [`UserRingBuf::reserve`]. Programs don't see the event.
    #[inline]
    pub fn submit(self) -> Result<()> {
        let UserRingBuf { writer, event, .. } = self.writer;
        writer.submit(event).map_err(UserRingBuf::<S>::error)
    }

    /// Gives the room back, as dropping does.
    #[inline]
    pub fn discard(self) {}
}

impl<S: EventSpec> Deref for Reservation<'_, S> {
    type Target = S::Event;

    #[inline]
    fn deref(&self) -> &S::Event {
        &self.writer.event
    }
}

impl<S: EventSpec> DerefMut for Reservation<'_, S> {
    #[inline]
    fn deref_mut(&mut self) -> &mut S::Event {
        &mut self.writer.event
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
