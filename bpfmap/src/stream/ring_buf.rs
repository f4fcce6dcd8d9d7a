//! The reader of a ring buffer.

use super::epoll::wait_readable;
use super::sole::Sole;
use super::{ConsistentEvent, RECORD_HEADER, record_size};
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::kind::ReadRecords;
use crate::map::Map;
use crate::mapping::{Access, Mapping, page_size};
use crate::plain::{Plain, zeroed};
use crate::spec::{EventSpec, MapFlags};
use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

/// Reads the events of a ring buffer (`BPF_MAP_TYPE_RINGBUF`, Linux 5.8).
///
/// Events come in the order in which programs reserved them, whatever the CPU. They are not copied: an `&Event` is the
/// record in the kernel's memory, and its space goes back to the programs when the reader is used next. Records that
/// programs discarded are passed over; one that a program has reserved and not yet submitted holds up those behind it.
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
/// # Overwriting
///
/// With [`MapFlags::RB_OVERWRITE`] (Linux 6.19) a full ring drops its oldest records instead of the newest. Such a record
/// may go while it is read, so this reader copies it out and gives the copy; [`overwritten`](Self::overwritten) says how
/// much went unread.
pub struct RingBuf<S: EventSpec> {
    map: Map<S>,
    /// A page that holds the consumer's position.
    consumer: Mapping,
    /// A page that holds the producers' position, then the data, twice in a row: a record never wraps.
    producer: Mapping,
    /// Where the data begins in `producer`.
    data: usize,
    mask: u64,
    /// Where the next record begins.
    next: u64,
    /// As far as this, the records have been given back: what the consumer's position says.
    released: u64,
    /// Where the records end that were there when last looked.
    end: u64,
    /// An event behind `released` may be borrowed.
    lent: bool,
    overwritten: u64,
    /// The copy of a record that may be overwritten.
    copy: S::Event,
    _sole: Sole,
}

impl<S: EventSpec> RingBuf<S> {
    /// Opens the reader of a map. It goes on where an earlier reader ended, of this process or another.
    ///
    /// # Errors
    /// `EBUSY`: this process has a reader of the map already. `ENOMEM`: no memory for the mapping. `EPERM`: the map is
    /// frozen.
    pub fn open(map: &Map<S>) -> Result<Self>
    where
        S::Kind: ReadRecords,
    {
        let () = ConsistentEvent::<S>::CHECK;
        const { assert!(align_of::<S::Event>() <= 8, "a record begins at a multiple of 8 bytes") };
        let map = map.try_clone()?;
        let sole = Sole::take(&map)?;
        let page = page_size();
        let size = map.max_entries() as usize;
        let failed = |errno| Error::from_errno(Operation::Mmap, S::NAME, errno);
        let consumer = Mapping::new(map.as_fd(), 0, page, Access::ReadWrite).map_err(failed)?;
        let producer =
            Mapping::new(map.as_fd(), page, page + 2 * size, Access::Read).map_err(failed)?;
        let mut reader = Self {
            map,
            consumer,
            producer,
            data: page,
            mask: size as u64 - 1,
            next: 0,
            released: 0,
            end: 0,
            lent: false,
            overwritten: 0,
            copy: zeroed(),
            _sole: sole,
        };
        reader.released = reader.consumer_position().load(Ordering::Relaxed);
        (reader.next, reader.end) = (reader.released, reader.released);
        Ok(reader)
    }

    /// The next event; `None` when there is none. Doesn't wait.
    ///
    /// # Errors
    /// [`Mismatch`](ErrorKind::Mismatch): the record is not as large as an event. It has been passed over: reading goes
    /// on behind it.
    #[inline]
    pub fn read(&mut self) -> Result<Option<&S::Event>> {
        self.release();
        // SAFETY: what the reader has given out before is borrowed no more.
        Ok(unsafe { self.take() }?.map(|event| {
            // SAFETY: the record is not given back before the reader is used again, which ends this borrow.
            unsafe { event.as_ref() }
        }))
    }

    /// Calls `handle` for each event until there is none, and returns how many there were. The space of each is given
    /// back when `handle` is done with it.
    ///
    /// # Errors
    /// As [`read`](Self::read). What came before has been handled; call again for what is behind.
    #[inline]
    pub fn consume(&mut self, mut handle: impl FnMut(&S::Event)) -> Result<usize> {
        let mut count = 0;
        while let Some(event) = self.read()? {
            handle(event);
            count += 1;
        }
        Ok(count)
    }

    /// The events that are there now, as an iterator. They can be kept side by side as long as the reader is not used:
    /// only then is their space given back, so that programs may run out of it. Nothing more is to be waited for on the
    /// descriptor before a call found no event.
    ///
    /// Not for a ring that overwrites: that does not compile.
    #[inline]
    pub fn records(&mut self) -> Records<'_, S> {
        const {
            assert!(
                !S::FLAGS.contains(MapFlags::RB_OVERWRITE),
                "the records of a ring that overwrites can't be kept: use `read` or `consume`"
            );
        }
        self.release();
        Records { reader: self, events: PhantomData }
    }

    /// Waits until there is an event or the time is over; `true`: there is one. `None`: waits as long as it takes.
    /// `false` also when a signal comes.
    ///
    /// Programs wake the reader unless they submit with `BPF_RB_NO_WAKEUP`.
    ///
    /// # Errors
    /// Those of `poll(2)`; none is expected.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<bool> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        self.release();
        while !self.is_ready() {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let readable = wait_readable(self.map.as_fd(), left)
                .map_err(|errno| Error::from_errno(Operation::Wait, S::NAME, errno))?;
            if !readable {
                return Ok(self.is_ready());
            }
            if !self.is_ready() {
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
        let end = self.producer_position().load(Ordering::Acquire);
        end - self.oldest().min(end)
    }

    /// Bytes of the ring; a record takes 8 more than the event, rounded up to 8.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.mask + 1
    }

    /// Bytes of records that were overwritten before they were read; 0 unless the map has
    /// [`MapFlags::RB_OVERWRITE`].
    #[must_use]
    pub fn overwritten(&self) -> u64 {
        self.overwritten
    }

    /// The map.
    #[must_use]
    pub fn map(&self) -> &Map<S> {
        &self.map
    }
}

/// The bits of a record's length (`include/uapi/linux/bpf.h`).
const BUSY: u32 = 1 << 31;
const DISCARDED: u32 = 1 << 30;

/// Where `overwrite_pos` stands behind `producer_pos` in `struct bpf_ringbuf` (`kernel/bpf/ringbuf.c`), from Linux 6.19.
const OVERWRITE_POSITION: usize = 16;

impl<S: EventSpec> RingBuf<S> {
    const OVERWRITES: bool = S::FLAGS.contains(MapFlags::RB_OVERWRITE);

    /// Gives back the records that have been read.
    #[inline]
    fn release(&mut self) {
        self.lent = false;
        if self.released != self.next {
            self.released = self.next;
            self.consumer_position().store(self.released, Ordering::Release);
        }
    }

    /// The next record that is an event.
    ///
    /// # Safety
    /// `copy` is not borrowed.
    #[inline]
    unsafe fn take(&mut self) -> Result<Option<NonNull<S::Event>>> {
        loop {
            let Some((header, len)) = self.peek() else { return Ok(None) };
            let size = len & !(BUSY | DISCARDED);
            // SAFETY: behind the header, in the data or its second copy.
            let mut event = unsafe { header.add(RECORD_HEADER) }.cast::<S::Event>();
            if Self::OVERWRITES {
                if size as usize == size_of::<S::Event>() {
                    // SAFETY: as large as an event, and aligned to 8 bytes.
                    self.copy = unsafe { copy_racing(event) };
                    event = NonNull::from(&mut self.copy);
                }
                // Was that all one record? Pairs with the kernel's writing the position before the data.
                fence(Ordering::Acquire);
                if self.skip_overwritten() {
                    continue;
                }
            }
            self.next += record_size(u64::from(size));
            if len & DISCARDED != 0 {
                continue;
            }
            if size as usize != size_of::<S::Event>() {
                return Err(Self::wrong_size(size));
            }
            self.lent = true;
            return Ok(Some(event));
        }
    }

    /// The next record, once it is submitted or discarded: its header, and the length that stands there.
    #[inline]
    fn peek(&mut self) -> Option<(NonNull<u8>, u32)> {
        if let Some(found) = self.look() {
            return Some(found);
        }
        // The kernel wakes a reader whose position it finds at the record that it submits. So the position must be seen
        // before the record is looked at for the last time: pairs with the exchange in `bpf_ringbuf_commit`.
        if !self.lent {
            self.release();
        }
        fence(Ordering::SeqCst);
        self.look()
    }

    #[inline]
    fn look(&mut self) -> Option<(NonNull<u8>, u32)> {
        if Self::OVERWRITES {
            self.skip_overwritten();
        }
        if self.next >= self.end {
            self.end = self.producer_position().load(Ordering::Acquire);
            if self.next >= self.end {
                return None;
            }
        }
        let header = self.record(self.next);
        // SAFETY: a header begins with the length, at a multiple of 8 bytes; the kernel writes it atomically.
        let len = unsafe { AtomicU32::from_ptr(header.as_ptr().cast()) }.load(Ordering::Acquire);
        (len & BUSY == 0).then_some((header, len))
    }

    /// Whether [`take`](Self::take) would find something.
    fn is_ready(&mut self) -> bool {
        self.peek().is_some()
    }

    /// Goes on to the oldest record that is left; `true`: some were overwritten.
    #[inline]
    fn skip_overwritten(&mut self) -> bool {
        let oldest = self.oldest();
        let lost = oldest - self.next;
        self.overwritten += lost;
        self.next = oldest;
        lost != 0
    }

    /// Where the oldest record begins that is not read.
    #[inline]
    fn oldest(&self) -> u64 {
        if !Self::OVERWRITES {
            return self.next;
        }
        // SAFETY: within the first page, and aligned; it is only read.
        let position = unsafe { self.producer.position(OVERWRITE_POSITION) };
        position.load(Ordering::Acquire).max(self.next)
    }

    /// The address of the record at a position.
    #[inline]
    fn record(&self, position: u64) -> NonNull<u8> {
        // The mask is less than a `u32`.
        #[allow(clippy::cast_possible_truncation)]
        let offset = (position & self.mask) as usize;
        // SAFETY: the data is as long as the mask says, and longer.
        unsafe { self.producer.at(self.data + offset) }
    }

    #[inline]
    fn consumer_position(&self) -> &AtomicU64 {
        // SAFETY: it begins the page, which can be written.
        unsafe { self.consumer.position(0) }
    }

    #[inline]
    fn producer_position(&self) -> &AtomicU64 {
        // SAFETY: it begins the page, and is only read.
        unsafe { self.producer.position(0) }
    }

    #[cold]
    fn wrong_size(size: u32) -> Error {
        wrong_size::<S>(size as usize)
    }
}

/// A record that is no event.
pub(super) fn wrong_size<S: EventSpec>(size: usize) -> Error {
    let text = format!(
        "a record is of {size} bytes, but an event of {}: the program sends something else",
        size_of::<S::Event>()
    );
    Error::told(Operation::Read, S::NAME, ErrorKind::Mismatch, 0, text)
}

/// Copies an event that the kernel may be overwriting.
///
/// # Safety
/// The event is readable to its end, and begins at a multiple of 8 bytes.
unsafe fn copy_racing<E: Plain>(from: NonNull<E>) -> E {
    let mut event = zeroed::<E>();
    let bytes = core::ptr::from_mut(&mut event).cast::<u8>();
    let from = from.cast::<u8>();
    for offset in (0..size_of::<E>()).step_by(8) {
        // SAFETY: records are padded to 8 bytes, so the last word is readable too.
        let word = unsafe { AtomicU64::from_ptr(from.add(offset).as_ptr().cast()) };
        let word = word.load(Ordering::Relaxed).to_ne_bytes();
        let len = (size_of::<E>() - offset).min(word.len());
        // SAFETY: as far as the event goes.
        unsafe { core::ptr::copy_nonoverlapping(word.as_ptr(), bytes.add(offset), len) };
    }
    event
}

impl<S: EventSpec> Drop for RingBuf<S> {
    fn drop(&mut self) {
        self.release();
    }
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
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

/// The events that are there: see [`RingBuf::records`].
pub struct Records<'a, S: EventSpec> {
    reader: &'a mut RingBuf<S>,
    events: PhantomData<&'a S::Event>,
}

impl<'a, S: EventSpec> Iterator for Records<'a, S> {
    type Item = Result<&'a S::Event>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        // SAFETY: a ring that doesn't overwrite has no use for the copy.
        let event = unsafe { self.reader.take() }.transpose()?;
        // SAFETY: the record is not given back before the reader is used again, which ends this borrow.
        Some(event.map(|event| unsafe { event.as_ref() }))
    }
}

impl<S: EventSpec> FusedIterator for Records<'_, S> {}

impl<S: EventSpec> fmt::Debug for Records<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").field("reader", &self.reader).finish()
    }
}
