//! The reader of a ring buffer.

use super::epoll::wait_readable;
use super::ring::{Found, Reader};
use super::sole::Sole;
use super::{ConsistentEvent, error_of};
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::kind::ReadRecords;
use crate::map::Map;
use crate::mapping::{Access, Mapping, page_size};
use crate::plain::{zeroed, zeroed_box};
use crate::spec::EventSpec;
use bpfmap_core::MapFlags;
use core::fmt;
use core::iter::FusedIterator;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

/// Reads the events of a ring buffer (`BPF_MAP_TYPE_RINGBUF`, Linux 5.8).
///
/// Events come in the order in which programs reserved them, whatever the CPU. Each is copied out of the ring, once, and
/// its space goes back to the programs at once. Records that programs discarded are passed over; one that a program has
/// reserved and not yet submitted holds up those behind it.
///
/// A program that finds no room gets NULL from `bpf_ringbuf_reserve`, or `EAGAIN` from `bpf_ringbuf_output`, and the
/// event is lost without a trace: where that matters, let the program count.
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
/// For `epoll`, `tokio::io::unix::AsyncFd` and the like, [`AsFd`] gives the descriptor to wait for: it can be read when
/// there are events. With edge triggering, read until there is no event before waiting.
///
/// # One reader
///
/// A ring has one reader. The kernel does not see to that: every process that may write to the map, and every library in
/// this process, can move the position up to which the ring has been read, and programs then write over records that are
/// being read. Nothing unsound follows, since an event is a copy that is looked at only when it is complete. Reading fails with
/// [`Contended`](ErrorKind::Contended) when the position is not where this reader left it, and with
/// [`Corrupted`](ErrorKind::Corrupted) when what stands at the position can't be a record. Whoever moves the position away
/// and back meanwhile can still have events read that no program sent, so give write access to the map to nobody whose events
/// you would not believe.
///
/// # Overwriting
///
/// With [`MapFlags::RB_OVERWRITE`] (Linux 6.19) a full ring drops its oldest records instead of the newest.
/// [`overwritten`](Self::overwritten) says how much went unread.
pub struct RingBuf<S: EventSpec> {
    map: Map<S>,
    reader: Reader<S::Event>,
    /// The event that was read last.
    event: Box<S::Event>,
    /// The memory of the reader: a page that holds the consumer's position.
    _consumer: Mapping,
    /// And a page that holds the producers' positions, then the data, twice in a row: a record never wraps.
    _producer: Mapping,
    _sole: Sole,
}

impl<S: EventSpec> RingBuf<S> {
    /// Opens the reader of a map. It goes on where an earlier reader ended, of this process or another.
    ///
    /// # Errors
    /// `EBUSY`: this process has a reader of the map already. [`Mismatch`](ErrorKind::Mismatch): the ring is too small for
    /// an event. [`Corrupted`](ErrorKind::Corrupted): the positions are none of a ring, so that something else than an
    /// earlier reader has moved them. `ENOMEM`: no memory for the mapping. `EPERM`: the map is frozen.
    pub fn open(map: &Map<S>) -> Result<Self>
    where
        S::Kind: ReadRecords,
    {
        let () = ConsistentEvent::<S>::CHECK;
        let map = map.try_clone()?;
        let sole = Sole::take(&map)?;
        let page = page_size();
        let size = map.max_entries() as usize;
        let failed = |errno| Error::from_errno(Operation::Mmap, S::DEF.name, errno);
        let consumer = Mapping::new(map.as_fd(), 0, page, Access::ReadWrite).map_err(failed)?;
        let producer =
            Mapping::new(map.as_fd(), page, page + 2 * size, Access::Read).map_err(failed)?;
        // SAFETY: the mapping has twice `size` bytes behind its first page.
        let data = unsafe { producer.at(page) };
        // SAFETY: both mappings begin at a page, live as long as the reader and are used by it alone. The kernel, and
        // processes that map the same, access them from outside.
        let reader = unsafe {
            Reader::new(consumer.start(), producer.start(), data, size as u64, Self::OVERWRITES)
        };
        let reader = reader.map_err(|fault| error_of::<S>(Operation::Mmap, fault))?;
        let event = zeroed_box();
        Ok(Self { map, reader, event, _consumer: consumer, _producer: producer, _sole: sole })
    }

    /// The next event; `None` when there is none. Doesn't wait.
    ///
    /// # Errors
    /// [`Mismatch`](ErrorKind::Mismatch): the record is not as large as an event. It has been passed over: reading goes
    /// on behind it. [`Contended`](ErrorKind::Contended), [`Corrupted`](ErrorKind::Corrupted): see
    /// [One reader](Self#one-reader). Nothing was passed over, and nothing will be: the reader has to be opened again.
    #[inline]
    pub fn read(&mut self) -> Result<Option<&S::Event>> {
        let found = Self::take_quickly(&mut self.reader, &mut self.event)
            || take::<S>(&mut self.reader, &mut self.event)?;
        Ok(found.then_some(&*self.event))
    }

    /// Calls `handle` for each event until there is none, and returns how many there were.
    ///
    /// # Errors
    /// As [`read`](Self::read). What came before has been handled; call again for what is behind.
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

    /// Does what [`consume`](Self::consume) does, and shows each event where it lies in the ring, without a copy: for
    /// events of hundreds of bytes of which `handle` reads a few. In a ring that overwrites, events are copied all the same.
    ///
    /// If `handle` panics, the event counts as unread.
    ///
    /// ```no_run
    /// # fn f<S: bpfmap::EventSpec<Kind = bpfmap::kind::Ringbuf>>(map: bpfmap::Map<S>) -> bpfmap::Result<()> {
    /// let mut events = bpfmap::RingBuf::open(&map)?;
    /// // SAFETY: this process made the map and has neither pinned it nor handed on its descriptor, and nothing else
    /// // in it reads the ring.
    /// let count = unsafe { events.consume_in_place(|event| { /* … */ }) }?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Safety
    /// As long as the call takes, nobody but programs writes to the ring: no other process and no other code in this one
    /// reads it (a reader moves the position up to which programs may write) or has mapped it to write. See
    /// [One reader](Self#one-reader).
    ///
    /// # Errors
    /// As [`read`](Self::read).
    #[inline]
    pub unsafe fn consume_in_place(&mut self, mut handle: impl FnMut(&S::Event)) -> Result<usize> {
        let mut count = 0;
        loop {
            // SAFETY: as the caller says.
            while !Self::OVERWRITES && unsafe { self.reader.show_quickly(&mut handle) } {
                count += 1;
            }
            let more = self.reader.is_ready();
            if !more.map_err(|fault| error_of::<S>(Operation::Read, fault))? {
                return Ok(count);
            }
            // SAFETY: as above. What is no event is for `take`, which says so or passes over it.
            if !Self::OVERWRITES && unsafe { self.reader.show_quickly(&mut handle) } {
                count += 1;
            } else if take::<S>(&mut self.reader, &mut self.event)? {
                handle(&self.event);
                count += 1;
            }
        }
    }

    /// The events that are there now, as an iterator. It ends where there is no more, or behind an error after which
    /// reading can't go on.
    #[inline]
    pub fn records(&mut self) -> Records<'_, S> {
        Records { reader: self, is_over: false }
    }

    /// Waits until there is an event or the time is over; `true`: there is one. `None`: waits as long as it takes.
    /// `false` also when a signal comes.
    ///
    /// Programs wake the reader unless they submit with `BPF_RB_NO_WAKEUP`.
    ///
    /// # Errors
    /// Those of [`read`](Self::read), except `Mismatch`; those of `poll(2)`, of which none is expected.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<bool> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        while !self.is_ready()? {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let readable = wait_readable(self.map.as_fd(), left)
                .map_err(|errno| Error::from_errno(Operation::Wait, S::DEF.name, errno))?;
            if !readable {
                return self.is_ready();
            }
            if !self.is_ready()? {
                // A record is reserved, and its program about to submit it.
                if left.is_some_and(|left| left.is_zero()) {
                    return Ok(false);
                }
                std::thread::yield_now();
            }
        }
        Ok(true)
    }

    /// Bytes that records take now, with their headers (8 bytes each) and rounded up to 8, the unfinished ones too.
    #[must_use]
    pub fn unread(&self) -> u64 {
        self.reader.unread()
    }

    /// Bytes of the ring; a record takes 8 more than the event, rounded up to 8.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.reader.size()
    }

    /// Bytes of records that were overwritten before they were read; 0 unless the map has
    /// [`MapFlags::RB_OVERWRITE`].
    #[must_use]
    pub fn overwritten(&self) -> u64 {
        self.reader.overwritten()
    }

    /// The map.
    #[must_use]
    pub fn map(&self) -> &Map<S> {
        &self.map
    }
}

impl<S: EventSpec> RingBuf<S> {
    const OVERWRITES: bool = S::DEF.flags.contains(MapFlags::RB_OVERWRITE);

    /// Copies the next event, if it is there and nothing is to be said about it.
    #[inline]
    fn take_quickly(reader: &mut Reader<S::Event>, event: &mut S::Event) -> bool {
        !Self::OVERWRITES && reader.take_quickly(event)
    }

    fn is_ready(&mut self) -> Result<bool> {
        self.reader.is_ready().map_err(|fault| error_of::<S>(Operation::Wait, fault))
    }
}

/// Copies the next event to `event`; `false` when there is none.
#[inline(never)]
fn take<S: EventSpec>(reader: &mut Reader<S::Event>, event: &mut S::Event) -> Result<bool> {
    match reader.take(event) {
        Ok(Some(Found::Event)) => Ok(true),
        Ok(None) => Ok(false),
        Ok(Some(Found::WrongSize(size))) => Err(wrong_size::<S>(size as usize)),
        Err(fault) => Err(error_of::<S>(Operation::Read, fault)),
    }
}

/// A record that is no event.
#[cold]
pub(super) fn wrong_size<S: EventSpec>(size: usize) -> Error {
    let text = format!(
        "a record is of {size} bytes, but an event of {}: the program sends something else",
        size_of::<S::Event>()
    );
    Error::told(Operation::Read, S::DEF.name, ErrorKind::Mismatch, 0, text)
}

/// The descriptor of the map, which can be read when there are events.
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

/// The events that are there: see [`RingBuf::records`].
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
