//! The reader of a ring buffer.

use super::epoll::wait_readable;
use super::ring::{Found, Reader};
use super::sole::Sole;
use super::{ConsistentEvent, error_of};
use crate::kind::ReadRecords;
use crate::plain::{zeroed, zeroed_box};
use crate::spec::EventSpec;
use crate::user_space::error::{Action, Error, ErrorKind, Result};
use crate::user_space::map::Map;
use crate::user_space::mapping::{Access, Mapping, page_size};
use bpfmap_core::MapFlags;
use core::fmt;
use core::iter::FusedIterator;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

/// A reader of the events in a ring buffer (`BPF_MAP_TYPE_RINGBUF`, Linux 5.8).
///
/// Events arrive in the order in which programs on all CPUs reserved them. The reader copies each
/// event out of the ring once, and then immediately releases the space of the event. The reader
/// skips discarded records. If a program has reserved a record but not yet submitted it, the reader
/// can't read any later record.
///
/// If the ring is full, `bpf_ringbuf_reserve` returns NULL and `bpf_ringbuf_output` returns
/// `EAGAIN` to the program. The reader can't see that an event was lost. If you need to know the
/// number of lost events, count them in the program.
///
/// ```no_run
/// # fn f<S: bpfmap::EventSpec<Kind = bpfmap::kind::Ringbuf>>(map: bpfmap::Map<S>) -> bpfmap::Result<()>
/// # where S::Event: core::fmt::Debug {
/// let mut events = bpfmap::RingBuf::open(&map)?;
/// loop {
///     events.wait(None)?;
///     while let Some(event) = events.read()? {
///         println!("{event:?}");
///     }
/// }
/// # }
/// ```
///
/// To use `epoll`, `tokio::io::unix::AsyncFd` or a similar interface, get a descriptor from
/// [`AsFd`]. This descriptor is readable when there are events. With edge-triggered notification,
/// read all events before you wait.
///
/// # One reader
///
/// A ring must have only one reader, but the kernel does not enforce this. Every process that may
/// write to the map, and every library in this process, can move the position up to which the ring
/// has been read. Programs can then overwrite a record while this reader copies it. The reader is
/// still sound, because it returns a copy of an event only after it has verified that the copy is
/// valid. Reading fails with [`Contended`](ErrorKind::Contended) if another reader has moved the
/// position. Reading fails with [`Corrupted`](ErrorKind::Corrupted) if there is no valid record at
/// the position. A process that moves the position and then restores it can still make the reader
/// return events that no program sent. So give write access to the map only to processes whose
/// events you trust.
///
/// # Overwriting
///
/// With [`MapFlags::RB_OVERWRITE`] (Linux 6.19), a full ring drops its oldest records instead of
/// new records. [`overwritten`](Self::overwritten) returns the number of bytes that were
/// overwritten before they were read.
pub struct RingBuf<S: EventSpec> {
    map: Map<S>,
    reader: Reader<S::Event>,
    /// The last event.
    event: Box<S::Event>,
    /// The reader's part of the ring: a page that contains the consumer's position.
    _consumer: Mapping,
    /// The programs' part of the ring: a page that contains the producers' positions, followed by
    /// the data. The data is mapped twice in a row, so that no record wraps around the end.
    _producer: Mapping,
    _sole: Sole,
}

impl<S: EventSpec> RingBuf<S> {
    /// Opens the reader of a map. The new reader continues where an earlier reader in this process
    /// or in another process stopped.
    ///
    /// # Errors
    /// `EBUSY`: this process already has a reader of the map. [`Mismatch`](ErrorKind::Mismatch):
    /// the ring is too small for an event. [`Corrupted`](ErrorKind::Corrupted): the positions are
    /// impossible, so something other than a reader has moved the positions. `ENOMEM`: there is not
    /// enough memory for the mapping. `EPERM`: the map is frozen.
    pub fn open(map: &Map<S>) -> Result<Self>
    where
        S::Kind: ReadRecords,
    {
        let () = ConsistentEvent::<S>::CHECK;
        let map = map.try_clone()?;
        let sole = Sole::take(&map)?;
        let page = page_size();
        let size = map.max_entries() as usize;
        let failed = |errno| Error::from_errno(Action::Mmap, S::DEF.name, errno);
        let consumer = Mapping::new(map.as_fd(), 0, page, Access::ReadWrite).map_err(failed)?;
        let producer =
            Mapping::new(map.as_fd(), page, page + 2 * size, Access::Read).map_err(failed)?;
        // SAFETY: the mapping has twice `size` bytes after its first page.
        let data = unsafe { producer.at(page) };
        // SAFETY: both mappings begin at a page and live as long as the reader, and only the reader uses them. The
        // kernel and other processes that map the ring access it from outside.
        let reader = unsafe {
            Reader::new(consumer.start(), producer.start(), data, size as u64, Self::OVERWRITES)
        };
        let reader = reader.map_err(|fault| error_of::<S>(Action::Mmap, fault))?;
        let event = zeroed_box();
        Ok(Self { map, reader, event, _consumer: consumer, _producer: producer, _sole: sole })
    }

    /// Returns the next event, or `None` if there is no event. This method doesn't wait for an
    /// event.
    ///
    /// # Errors
    /// [`Mismatch`](ErrorKind::Mismatch): the size of the record is not the size of an event. The
    /// record is skipped, and the next call continues after this record.
    /// [`Contended`](ErrorKind::Contended), [`Corrupted`](ErrorKind::Corrupted): another process or
    /// library has changed the ring; see [One reader](Self#one-reader). After one of these two
    /// errors, no record is skipped, and all later calls fail. Open the reader again after such an
    /// error.
    #[inline]
    pub fn read(&mut self) -> Result<Option<&S::Event>> {
        let found = Self::take_quickly(&mut self.reader, &mut self.event)
            || take::<S>(&mut self.reader, &mut self.event)?;
        Ok(found.then_some(&*self.event))
    }

    /// Calls `handle` for each event until there are no more events. Returns the number of handled
    /// events.
    ///
    /// # Errors
    /// Fails in the same cases as [`read`](Self::read). Events before the error have been handled.
    /// Call this method again to handle the events after the error.
    #[inline]
    pub fn consume(&mut self, mut handle: impl FnMut(&S::Event)) -> Result<usize> {
        let mut count = 0;
        loop {
            let mut event = zeroed();
            if Self::take_quickly(&mut self.reader, &mut event) {
                handle(&event);
            } else if take::<S>(&mut self.reader, &mut self.event)? {
                handle(&self.event);
            } else {
                return Ok(count);
            }
            count += 1;
        }
    }

    /// Calls `handle` for each event like [`consume`](Self::consume), but passes a reference to the
    /// event in the ring instead of a copy. Use this method if events have hundreds of bytes and
    /// `handle` reads only a few of these bytes. If the map has the flag
    /// [`MapFlags::RB_OVERWRITE`], this method also copies the events.
    ///
    /// If `handle` panics, the event remains unread.
    ///
    /// ```no_run
    /// # fn f<S: bpfmap::EventSpec<Kind = bpfmap::kind::Ringbuf>>(map: bpfmap::Map<S>) -> bpfmap::Result<()> {
    /// let mut events = bpfmap::RingBuf::open(&map)?;
    /// // SAFETY: this process created the map and has neither pinned it nor passed on its descriptor, and no other code
    /// // in this process reads the ring.
    /// let count = unsafe { events.consume_in_place(|event| { /* … */ }) }?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Safety
    /// During the call, only programs may write to the ring. No other process, and no other code in
    /// this process, may read the ring or have the ring mapped for writing. A second reader would
    /// move the position up to which programs may write. See [One reader](Self#one-reader).
    ///
    /// # Errors
    /// Fails in the same cases as [`read`](Self::read).
    #[inline]
    pub unsafe fn consume_in_place(&mut self, mut handle: impl FnMut(&S::Event)) -> Result<usize> {
        let mut count = 0;
        loop {
            // SAFETY: the caller promises this.
            while !Self::OVERWRITES && unsafe { self.reader.show_quickly(&mut handle) } {
                count += 1;
            }
            let more = self.reader.is_ready();
            if !more.map_err(|fault| error_of::<S>(Action::Read, fault))? {
                return Ok(count);
            }
            // SAFETY: as above. `take` handles records that are not events, and reports or skips
            // them.
            if !Self::OVERWRITES && unsafe { self.reader.show_quickly(&mut handle) } {
                count += 1;
            } else if take::<S>(&mut self.reader, &mut self.event)? {
                handle(&self.event);
                count += 1;
            }
        }
    }

    /// Returns an iterator over the current events. The iterator ends if there are no more events,
    /// or after an error that makes further reading impossible.
    ///
    /// ```
    /// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
    /// use bpfmap::{BpfMap, Map, RingBuf};
    ///
    /// #[derive(BpfMap)]
    /// #[bpf_map(ringbuf, max_entries = 4096)]
    /// struct Exits {
    ///     event: u32,
    /// }
    ///
    /// let mut exits = RingBuf::open(&Map::<Exits>::create()?)?;
    /// assert_eq!(exits.capacity(), u64::from(exits.map().max_entries()));
    /// assert_eq!((exits.unread(), exits.overwritten()), (0, 0));
    /// // Reads the records that are in the ring now. A loop over this iterator can end early.
    /// for process in exits.records().take(100) {
    ///     println!("process {} has ended", process?);
    /// }
    /// // Reads all records, including records that programs send during the call.
    /// let count = exits.consume(|process| println!("process {process} has ended"))?;
    /// assert_eq!(count, 0, "no program uses this map");
    /// println!("{} was read", exits.map().info()?.name);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "derive"))] fn main() {}
    /// ```
    #[inline]
    pub fn records(&mut self) -> Records<'_, S> {
        Records { reader: self, is_over: false }
    }

    /// Waits until there is an event or the timeout expires. Returns `true` if there is an event,
    /// and `false` if the timeout expires or a signal arrives. A timeout of `None` waits without
    /// limit.
    ///
    /// A program wakes the reader when it submits a record, unless it passes the flag
    /// `BPF_RB_NO_WAKEUP`.
    ///
    /// # Errors
    /// Fails in the same cases as [`read`](Self::read), but never with `Mismatch`. Also fails if
    /// `poll(2)` fails, which is not expected.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<bool> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        while !self.is_ready()? {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let readable = wait_readable(self.map.as_fd(), left)
                .map_err(|errno| Error::from_errno(Action::Wait, S::DEF.name, errno))?;
            if !readable {
                return self.is_ready();
            }
            if !self.is_ready()? {
                // A record is reserved, and its program is about to submit it.
                if left.is_some_and(|left| left.is_zero()) {
                    return Ok(false);
                }
                std::thread::yield_now();
            }
        }
        Ok(true)
    }

    /// Returns the number of bytes that the current records need, including records that are not
    /// yet submitted. The size of a record is the size of its event plus a header of 8 bytes,
    /// rounded up to a multiple of 8 bytes.
    #[must_use]
    pub fn unread(&self) -> u64 {
        self.reader.unread()
    }

    /// Returns the size of the ring in bytes. A record needs the size of its event plus 8 bytes,
    /// rounded up to a multiple of 8 bytes.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.reader.size()
    }

    /// Returns the total size, in bytes, of the records that were overwritten before they were
    /// read. The number is always 0 if the map does not have the flag [`MapFlags::RB_OVERWRITE`].
    #[must_use]
    pub fn overwritten(&self) -> u64 {
        self.reader.overwritten()
    }

    /// Returns the map.
    #[must_use]
    pub fn map(&self) -> &Map<S> {
        &self.map
    }
}

impl<S: EventSpec> RingBuf<S> {
    const OVERWRITES: bool = S::DEF.flags.contains(MapFlags::RB_OVERWRITE);

    /// Copies the next event and returns `true`, unless this requires handling an error or another
    /// special case.
    #[inline]
    fn take_quickly(reader: &mut Reader<S::Event>, event: &mut S::Event) -> bool {
        !Self::OVERWRITES && reader.take_quickly(event)
    }

    fn is_ready(&mut self) -> Result<bool> {
        self.reader.is_ready().map_err(|fault| error_of::<S>(Action::Wait, fault))
    }
}

/// Copies the next event to `event`. Returns `false` if there is no event.
#[inline(never)]
fn take<S: EventSpec>(reader: &mut Reader<S::Event>, event: &mut S::Event) -> Result<bool> {
    match reader.take(event) {
        Ok(Some(Found::Event)) => Ok(true),
        Ok(None) => Ok(false),
        Ok(Some(Found::WrongSize(size))) => Err(wrong_size::<S>(size as usize)),
        Err(fault) => Err(error_of::<S>(Action::Read, fault)),
    }
}

/// Returns the error for a record that is not an event.
#[cold]
pub(super) fn wrong_size<S: EventSpec>(size: usize) -> Error {
    let text = format!(
        "a record has {size} bytes, but an event has {}: the program sends a different type",
        size_of::<S::Event>()
    );
    Error::told(Action::Read, S::DEF.name, ErrorKind::Mismatch, 0, text)
}

/// The descriptor is the descriptor of the map. It is readable when there are events.
impl<S: EventSpec> AsFd for RingBuf<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.map.as_fd()
    }
}

impl<S: EventSpec> AsRawFd for RingBuf<S> {
    fn as_raw_fd(&self) -> i32 {
        self.map.as_raw_fd()
    }
}

impl<S: EventSpec> fmt::Debug for RingBuf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingBuf")
            .field("map", &self.map)
            .field("next", &self.reader.position())
            .finish_non_exhaustive()
    }
}

/// An iterator over the current events: see [`RingBuf::records`].
pub struct Records<'a, S: EventSpec> {
    reader: &'a mut RingBuf<S>,
    is_over: bool,
}

impl<S: EventSpec> Iterator for Records<'_, S> {
    type Item = Result<S::Event>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let mut event = zeroed();
        if RingBuf::<S>::take_quickly(&mut self.reader.reader, &mut event) {
            return Some(Ok(event));
        }
        match take::<S>(&mut self.reader.reader, &mut self.reader.event) {
            Ok(true) => Some(Ok(*self.reader.event)),
            Ok(false) => {
                self.is_over = true;
                None
            }
            Err(error) => {
                self.is_over = error.kind() != ErrorKind::Mismatch;
                Some(Err(error))
            }
        }
    }
}

impl<S: EventSpec> FusedIterator for Records<'_, S> {}

impl<S: EventSpec> fmt::Debug for Records<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").field("reader", &self.reader).finish()
    }
}
