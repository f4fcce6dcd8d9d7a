//! The writer of a user ring buffer.

use super::epoll::Epoll;
use super::ring::{Fault, Writer};
use super::sole::Sole;
use super::{ConsistentEvent, error_of};
use crate::kind::WriteRecords;
use crate::plain::{zeroed, zeroed_box};
use crate::spec::EventSpec;
use crate::user_space::error::{Action, Error, Result};
use crate::user_space::map::Map;
use crate::user_space::mapping::{Access, Mapping, page_size};
use core::fmt;
use core::ops::{Deref, DerefMut};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// A writer that sends events to programs through a user ring buffer (`BPF_MAP_TYPE_USER_RINGBUF`,
/// Linux 6.1).
///
/// A BPF program reads the events with `bpf_user_ringbuf_drain`. Sending an event does not make a
/// program run, so the events remain in the ring until a program runs. Programs receive the events
/// in the order in which they were submitted.
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
/// A ring must have only one writer, but the kernel does not enforce this. Every process that may
/// write to the map, and every library in this process, can write to the ring and move the position
/// in the ring. The writer is still sound, because it copies an event into the ring only when the
/// event is submitted. Reserving and submitting fail with
/// [`Contended`](crate::ErrorKind::Contended) if another writer has moved the position, and with
/// [`Corrupted`](crate::ErrorKind::Corrupted) if the positions are impossible. Open the writer
/// again after such an error. The kernel checks only the sizes of records, so programs must trust
/// every process that may write to the map.
pub struct UserRingBuf<S: EventSpec> {
    map: Map<S>,
    writer: Writer<S::Event>,
    /// The reserved event.
    event: Box<S::Event>,
    /// Reports when a program has freed space.
    epoll: Epoll,
    /// The programs' part of the ring: a page that contains the consumers' position.
    _consumer: Mapping,
    /// The writer's part of the ring: a page that contains the producer's position, followed by the
    /// data. The data is mapped twice in a row, so that no record wraps around the end.
    _producer: Mapping,
    _sole: Sole,
}

impl<S: EventSpec> UserRingBuf<S> {
    /// Opens the writer of a map. The new writer continues where an earlier writer in this process
    /// or in another process stopped.
    ///
    /// # Errors
    /// `EBUSY`: this process already has a writer of the map.
    /// [`Mismatch`](crate::ErrorKind::Mismatch): the ring is too small for an event.
    /// [`Corrupted`](crate::ErrorKind::Corrupted): the positions are impossible. `ENOMEM`: there is
    /// not enough memory for the mapping. `EPERM`: the map is frozen.
    pub fn open(map: &Map<S>) -> Result<Self>
    where
        S::Kind: WriteRecords,
    {
        let () = ConsistentEvent::<S>::CHECK;
        let map = map.try_clone()?;
        let sole = Sole::take(&map)?;
        let page = page_size();
        let failed = |errno| Error::from_errno(Action::Mmap, S::DEF.name, errno);
        let consumer = Mapping::new(map.as_fd(), 0, page, Access::Read).map_err(failed)?;
        let size = map.max_entries() as usize;
        let producer =
            Mapping::new(map.as_fd(), page, page + 2 * size, Access::ReadWrite).map_err(failed)?;
        // SAFETY: the mapping has twice `size` bytes after its first page.
        let data = unsafe { producer.at(page) };
        // SAFETY: both mappings begin at a page and live as long as the writer, and only the writer uses them. The
        // second is writable. The kernel and other processes that map the ring access it from outside.
        let writer = unsafe { Writer::new(consumer.start(), producer.start(), data, size as u64) };
        let writer = writer.map_err(|fault| error_of::<S>(Action::Mmap, fault))?;
        let epoll = Epoll::new()
            .and_then(|epoll| {
                // A ring with space for half an event is always writable, so this waits for a program that frees space.
                epoll.add(map.as_fd(), libc::EPOLLOUT | libc::EPOLLET, 0)?;
                Ok(epoll)
            })
            .map_err(|errno| Error::from_errno(Action::Wait, S::DEF.name, errno))?;
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

    /// Reserves space for an event, or returns `None` if the ring is full. All bytes of the event
    /// are initially zero. Programs see the event after it has been submitted.
    ///
    /// # Errors
    /// [`Contended`](crate::ErrorKind::Contended), [`Corrupted`](crate::ErrorKind::Corrupted):
    /// another process or library has changed the ring; see [One writer](Self#one-writer).
    #[inline]
    pub fn reserve(&mut self) -> Result<Option<Reservation<'_, S>>> {
        if !self.has_room()? {
            return Ok(None);
        }
        *self.event = zeroed();
        Ok(Some(Reservation { writer: self }))
    }

    /// Reserves space for an event like [`reserve`](Self::reserve). If the ring is full, waits
    /// until a program has freed space. Returns `None` if the timeout expires or a signal arrives.
    /// A `timeout` of `None` waits without limit.
    ///
    /// A program wakes the writer when it drains the ring, unless it passes the flag
    /// `BPF_RB_NO_WAKEUP`.
    ///
    /// ```no_run
    /// use bpfmap::{EventSpec, UserRingBuf, kind};
    /// use std::time::Duration;
    ///
    /// /// Parses a line as a number and sends the number. Returns whether the number was sent
    /// /// within a second.
    /// fn tell<Numbers>(ring: &mut UserRingBuf<Numbers>, line: &str) -> bpfmap::Result<bool>
    /// where
    ///     Numbers: EventSpec<Kind = kind::UserRingbuf, Event = u64>,
    /// {
    ///     let Some(mut event) = ring.reserve_within(Some(Duration::from_secs(1)))? else {
    ///         return Ok(false);
    ///     };
    ///     match line.parse() {
    ///         Ok(number) => {
    ///             *event = number;
    ///             event.submit()?;
    ///             Ok(true)
    ///         }
    ///         Err(_) => {
    ///             event.discard();
    ///             Ok(false)
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// Fails in the same cases as [`reserve`](Self::reserve). Also fails if `epoll_wait(2)` fails,
    /// which is not expected.
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
                .map_err(|errno| Error::from_errno(Action::Wait, S::DEF.name, errno))?;
            if events.is_empty() && !self.has_room()? {
                return Ok(None);
            }
        }
        self.reserve()
    }

    /// Sends an event. Returns `false` and does not send the event if the ring is full.
    ///
    /// ```no_run
    /// use bpfmap::{EventSpec, UserRingBuf, kind};
    ///
    /// /// Sends numbers, and returns how many of them did not fit.
    /// fn send_all<Numbers>(ring: &mut UserRingBuf<Numbers>, numbers: &[u64]) -> bpfmap::Result<usize>
    /// where
    ///     Numbers: EventSpec<Kind = kind::UserRingbuf, Event = u64>,
    /// {
    ///     let mut unsent = 0;
    ///     for number in numbers {
    ///         unsent += usize::from(!ring.send(number)?);
    ///     }
    ///     println!(
    ///         "{}: {} of {} bytes are unread",
    ///         ring.map().info()?.name,
    ///         ring.unread(),
    ///         ring.capacity()
    ///     );
    ///     Ok(unsent)
    /// }
    /// ```
    ///
    /// # Errors
    /// Fails in the same cases as [`reserve`](Self::reserve). After an error, programs don't see
    /// the event.
    #[inline]
    #[must_use = "an event is not sent if the ring is full"]
    pub fn send(&mut self, event: &S::Event) -> Result<bool> {
        self.writer.publish(event).map_err(Self::error)
    }

    /// Returns the number of bytes that the unread events need. An event needs its own size plus 8
    /// bytes, rounded up to a multiple of 8 bytes.
    #[must_use]
    pub fn unread(&self) -> u64 {
        self.writer.unread()
    }

    /// Returns the size of the ring in bytes. An event needs its own size plus 8 bytes, rounded up
    /// to a multiple of 8 bytes.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.writer.size()
    }

    /// Returns the map.
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
        error_of::<S>(Action::Push, fault)
    }
}

/// Reserved space for an event: see [`UserRingBuf::reserve`]. Dropping the reservation releases the
/// space, and no program sees the event.
#[must_use = "an event is only sent if the reservation is submitted"]
pub struct Reservation<'a, S: EventSpec> {
    writer: &'a mut UserRingBuf<S>,
}

impl<S: EventSpec> Reservation<'_, S> {
    /// Sends the event.
    ///
    /// # Errors
    /// Fails in the same cases as [`UserRingBuf::reserve`]. After an error, programs don't see the
    /// event.
    #[inline]
    pub fn submit(self) -> Result<()> {
        let UserRingBuf { writer, event, .. } = self.writer;
        writer.submit(event).map_err(UserRingBuf::<S>::error)
    }

    /// Releases the space without sending the event. Dropping the reservation has the same effect.
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
