//! The reader of a perf buffer, which has a ring for each CPU.

use super::epoll::Epoll;
use super::perf_event::WakeUp;
use super::perf_ring::{PerfRing, Refusal};
use super::ring::PerfFound;
use super::ring_buf::wrong_size;
use super::{ConsistentEvent, error_of};
use crate::kind::ReadPerCpuRecords;
use crate::spec::EventSpec;
use crate::user_space::error::{Action, Error, ErrorKind, Result};
use crate::user_space::map::Map;
use crate::user_space::possible_cpus::cpu_ranges;
use crate::user_space::sys::{self, Command, ElementAttr, Errno};
use core::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

/// A reader of the events that programs send through a `perf_event_array` with `bpf_perf_event_output` (Linux 4.4).
///
/// Each CPU has its own ring. The events of one CPU arrive in order. Events of different CPUs can
/// arrive in any order. From Linux 5.8 on, you can use a ring buffer instead. A ring buffer keeps
/// the order of all events, and needs less memory. Its reader ([`RingBuf`](crate::RingBuf)) copies
/// less. The documentation of [`RingBuf`](crate::RingBuf) also explains how to use [`AsFd`].
///
/// If possible, the reader returns a reference to the event in the ring. The reader copies the
/// event to a buffer if the event wraps around the end of the ring. It also copies the event if the
/// type of the event is aligned to 8 bytes, because the kernel stores events at odd multiples of 4
/// bytes.
///
/// Opening the reader needs `CAP_PERFMON` (`CAP_SYS_ADMIN` before Linux 5.8), and opens a ring for
/// each CPU that is online. [`open_new_cpus`](Self::open_new_cpus) opens rings for CPUs that come
/// online later. On a CPU without a ring, `bpf_perf_event_output` fails with `ENOENT`, and the
/// event is lost.
///
/// ```no_run
/// # fn f<S: bpfmap::EventSpec<Kind = bpfmap::kind::PerfEventArray, Key = u32>>(map: bpfmap::Map<S>) -> bpfmap::Result<()>
/// # where S::Event: core::fmt::Debug {
/// let mut events = bpfmap::PerfBuffer::options(&map).pages(64).open()?;
/// loop {
///     events.wait(None)?;
///     while let Some(record) = events.read()? {
///         println!("on CPU {}: {:?}", record.cpu, record.event);
///     }
///     if events.lost() > 0 {
///         eprintln!("{} events had no room", events.lost());
///     }
/// }
/// # }
/// ```
pub struct PerfBuffer<S: EventSpec> {
    map: Map<S>,
    rings: Vec<PerfRing<S::Event>>,
    pages: usize,
    wake_up: WakeUp,
    epoll: Epoll,
    /// The next ring to check.
    turn: usize,
    /// Whether the last read found no event. The kernel reports new events only in this case.
    exhausted: bool,
    lost: u64,
}

/// An event, and the CPU on which a program sent this event.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PerfRecord<'a, E> {
    /// The CPU on which the program ran.
    pub cpu: u32,
    /// The event.
    pub event: &'a E,
}

/// Options for opening a [`PerfBuffer`].
///
/// ```no_run
/// use bpfmap::{EventSpec, Map, PerfBuffer, PerfBufferOptions, PerfRecord, kind};
/// use std::time::Duration;
///
/// fn read<Execs>(map: &Map<Execs>, urgent: bool) -> bpfmap::Result<()>
/// where
///     Execs: EventSpec<Kind = kind::PerfEventArray, Key = u32, Event = u64>,
/// {
///     let options: PerfBufferOptions<'_, Execs> = PerfBuffer::options(map).pages(64);
///     // With fewer wake-ups, reading costs less, but events are read later.
///     let options = if urgent { options.wake_up_after(1) } else { options.watermark(32 << 10) };
///     let mut execs = options.open()?;
///     println!("{} on {} CPUs", execs.map().info()?.name, execs.cpus().len());
///     loop {
///         execs.wait(Some(Duration::from_secs(1)))?;
///         execs.consume(|PerfRecord { cpu, event, .. }| println!("CPU {cpu}: {event}"))?;
///         if execs.open_new_cpus()? > 0 {
///             println!("now {} CPUs", execs.cpus().len());
///         }
///     }
/// }
/// ```
#[derive(Debug)]
pub struct PerfBufferOptions<'a, S: EventSpec> {
    map: &'a Map<S>,
    pages: usize,
    wake_up: WakeUp,
}

impl<S: EventSpec> PerfBufferOptions<'_, S> {
    /// Sets the number of pages of each CPU's ring. The number must be a power of two. The default
    /// is 8.
    #[must_use]
    pub fn pages(mut self, pages: usize) -> Self {
        self.pages = pages;
        self
    }

    /// Wakes the reader after this many events of a CPU instead of after each event. If there are
    /// fewer events, [`PerfBuffer::wait`] continues to wait, but [`PerfBuffer::read`] returns the
    /// events.
    #[must_use]
    pub fn wake_up_after(mut self, events: u32) -> Self {
        self.wake_up = WakeUp::Events(events.max(1));
        self
    }

    /// Wakes the reader when this many bytes of a CPU's ring are unread. An event needs its own
    /// size plus 12 bytes, rounded up to a multiple of 8 bytes.
    #[must_use]
    pub fn watermark(mut self, bytes: u32) -> Self {
        self.wake_up = WakeUp::Bytes(bytes);
        self
    }

    /// Opens the rings of the CPUs that are online, and stores their perf events in the map.
    ///
    /// # Errors
    /// `EACCES`, `EPERM`: `CAP_PERFMON` is missing, or the rings need more memory than
    /// `kernel.perf_event_mlock_kb` and `RLIMIT_MEMLOCK` allow without this capability. `EINVAL`:
    /// the number of pages is not a power of two. `ENOMEM`: the kernel does not have enough memory.
    /// `EMFILE`: this process has reached its limit of open descriptors.
    pub fn open(self) -> Result<PerfBuffer<S>> {
        let () = ConsistentEvent::<S>::CHECK;
        if !self.pages.is_power_of_two() {
            let text =
                format!("expected a power of two as the number of pages, found {}", self.pages);
            return Err(Error::refused(Action::Mmap, S::DEF.name, Errno(libc::EINVAL), text));
        }
        let epoll =
            Epoll::new().map_err(|errno| Error::from_errno(Action::Wait, S::DEF.name, errno))?;
        let mut buffer = PerfBuffer {
            map: self.map.try_clone()?,
            rings: vec![],
            pages: self.pages,
            wake_up: self.wake_up,
            epoll,
            turn: 0,
            exhausted: true,
            lost: 0,
        };
        buffer.open_new_cpus()?;
        Ok(buffer)
    }
}

impl<S: EventSpec> PerfBuffer<S> {
    /// Opens the reader with 8 pages for each CPU that is online. Each event wakes the reader.
    ///
    /// # Errors
    /// Fails in the same cases as [`PerfBufferOptions::open`].
    pub fn open(map: &Map<S>) -> Result<Self>
    where
        S::Kind: ReadPerCpuRecords,
    {
        Self::options(map).open()
    }

    /// Returns options for opening the reader. The options determine the size of each CPU's ring,
    /// and when the kernel wakes the reader.
    #[must_use]
    pub fn options(map: &Map<S>) -> PerfBufferOptions<'_, S>
    where
        S::Kind: ReadPerCpuRecords,
    {
        PerfBufferOptions { map, pages: 8, wake_up: WakeUp::Events(1) }
    }

    /// Opens rings for CPUs that have come online since the reader was opened. Returns the number
    /// of new rings.
    ///
    /// # Errors
    /// Fails in the same cases as [`PerfBufferOptions::open`].
    pub fn open_new_cpus(&mut self) -> Result<usize> {
        let mut opened = 0;
        for cpu in online_cpus::<S>()? {
            // A smaller map has no slots for the other CPUs. Programs on these CPUs get an error.
            if cpu >= self.map.max_entries() || self.rings.iter().any(|ring| ring.cpu == cpu) {
                continue;
            }
            let ring = match PerfRing::open(cpu, self.pages, self.wake_up) {
                Ok(ring) => ring,
                // The CPU went offline again.
                Err(Refusal::Kernel(Errno(libc::ENODEV))) => continue,
                Err(Refusal::Ring(fault)) => return Err(error_of::<S>(Action::Mmap, fault)),
                Err(Refusal::Kernel(errno)) => {
                    let text = format!("on CPU {cpu}, {} pages", self.pages);
                    return Err(Error::refused(Action::OpenPerfEvent, S::DEF.name, errno, text));
                }
            };
            self.epoll
                .add(ring.event(), libc::EPOLLIN, u64::from(cpu))
                .map_err(|errno| Error::from_errno(Action::Wait, S::DEF.name, errno))?;
            element(Command::UpdateElem, &self.map, cpu, Some(ring.event()))
                .map_err(|errno| Error::from_errno(Action::Update, S::DEF.name, errno))?;
            self.rings.push(ring);
            opened += 1;
        }
        Ok(opened)
    }
}

impl<S: EventSpec> PerfBuffer<S> {
    /// Returns the next event of any CPU, or `None` if there is no event. This method doesn't wait
    /// for an event.
    ///
    /// # Errors
    /// [`Mismatch`](ErrorKind::Mismatch): the size of the record is not the size of an event. The
    /// record is skipped, and the next call continues after this record.
    /// [`Corrupted`](ErrorKind::Corrupted): the ring has no valid record at the current position.
    /// This error means that something other than the kernel has written to the ring.
    #[inline]
    pub fn read(&mut self) -> Result<Option<PerfRecord<'_, S::Event>>> {
        let mut empty = 0;
        while let Some(ring) = self.rings.get_mut(self.turn) {
            match ring.reader.take().map_err(|fault| error_of::<S>(Action::Read, fault))? {
                Some(PerfFound::Event) => {
                    self.exhausted = false;
                    let ring = &self.rings[self.turn];
                    return Ok(Some(PerfRecord { cpu: ring.cpu, event: ring.reader.event() }));
                }
                Some(PerfFound::Lost(count)) => self.lost = self.lost.wrapping_add(count),
                Some(PerfFound::WrongSize(size)) => {
                    self.exhausted = false;
                    return Err(wrong_size::<S>(size));
                }
                None if empty == self.rings.len() => break,
                None => {
                    self.turn = (self.turn + 1) % self.rings.len();
                    let found = self.rings[self.turn].reader.look();
                    let found = found.map_err(|fault| error_of::<S>(Action::Read, fault))?;
                    empty = if found { 0 } else { empty + 1 };
                }
            }
        }
        self.exhausted = true;
        Ok(None)
    }

    /// Calls `handle` for each event until there are no more events. Returns the number of handled
    /// events.
    ///
    /// # Errors
    /// Fails in the same cases as [`read`](Self::read). Events before the error have been handled.
    /// Call this method again to handle the events after the error.
    #[inline]
    pub fn consume(&mut self, mut handle: impl FnMut(PerfRecord<'_, S::Event>)) -> Result<usize> {
        let mut count = 0;
        while let Some(record) = self.read()? {
            handle(record);
            count += 1;
        }
        Ok(count)
    }

    /// Waits until the kernel wakes the reader or the timeout expires. Returns `true` if the kernel
    /// woke the reader, or if the reader has not read all events since it was last woken. Returns
    /// `false` if the timeout expires or a signal arrives. A timeout of `None` waits without limit.
    ///
    /// [`PerfBufferOptions::wake_up_after`] and [`PerfBufferOptions::watermark`] determine when the
    /// kernel wakes the reader. So there can be unread events even if the timeout expires.
    ///
    /// # Errors
    /// Fails if `epoll_wait(2)` fails, which is not expected.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<bool> {
        if !self.exhausted {
            return Ok(true);
        }
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 8];
        let events = self
            .epoll
            .wait(&mut events, timeout)
            .map_err(|errno| Error::from_errno(Action::Wait, S::DEF.name, errno))?;
        for event in events {
            let (flags, cpu) = (event.events, event.u64);
            // The ring of a CPU that has been removed stays readable forever.
            if flags & libc::EPOLLHUP as u32 != 0 {
                let gone = self.rings.iter().filter(|ring| u64::from(ring.cpu) == cpu);
                gone.for_each(|ring| self.epoll.remove(ring.event()));
            }
        }
        Ok(!events.is_empty())
    }

    /// Returns the number of events that were lost because their ring was full. This number
    /// contains only the losses that the kernel has reported so far. The kernel reports a loss
    /// together with the next event that fits into the ring.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Returns the CPUs that have a ring.
    pub fn cpus(&self) -> impl ExactSizeIterator<Item = u32> + '_ {
        self.rings.iter().map(|ring| ring.cpu)
    }

    /// Returns the map.
    #[must_use]
    pub fn map(&self) -> &Map<S> {
        &self.map
    }
}

/// Stores a perf event in the slot of a CPU, or removes the perf event from the slot.
fn element<S: EventSpec>(
    command: Command,
    map: &Map<S>,
    cpu: u32,
    event: Option<BorrowedFd<'_>>,
) -> Result<(), Errno> {
    const {
        assert!(
            size_of::<S::Key>() == 4 && size_of::<S::Value>() == 4,
            "the key is a CPU, and the value is a descriptor"
        );
    }
    let value = event.map_or(0, |event| sys::fd_bits(event.as_raw_fd()));
    let mut attr = ElementAttr {
        map_fd: sys::fd_bits(map.as_raw_fd()),
        _pad: 0,
        key: sys::address(&raw const cpu),
        // If there is nothing to write, the kernel expects no address.
        value_or_next_key: event.map_or(0, |_| sys::address(&raw const value)),
        flags: 0,
    };
    // SAFETY: key and value have 4 bytes and are only read.
    unsafe { sys::bpf(command, &mut attr) }.map(|_| ())
}

/// Returns the CPUs that are online.
fn online_cpus<S: EventSpec>() -> Result<impl Iterator<Item = u32>> {
    const LIST: &str = "/sys/devices/system/cpu/online";
    let list = std::fs::read_to_string(LIST).map_err(|error| {
        let errno = Errno(error.raw_os_error().unwrap_or(libc::EIO));
        Error::refused(Action::OpenPerfEvent, S::DEF.name, errno, LIST.to_owned())
    })?;
    let ranges = cpu_ranges(&list).ok_or_else(|| {
        let text = format!("{LIST} is not a list of CPUs: {list:?}");
        Error::told(Action::OpenPerfEvent, S::DEF.name, ErrorKind::Other, 0, text)
    })?;
    Ok(ranges.into_iter().flatten().filter_map(|cpu| u32::try_from(cpu).ok()))
}

impl<S: EventSpec> Drop for PerfBuffer<S> {
    fn drop(&mut self) {
        for ring in &self.rings {
            // After this, sending events fails in programs. If the map is frozen, the slots remain,
            // and sending fails with a different error.
            let _ = element(Command::DeleteElem, &self.map, ring.cpu, None);
        }
    }
}

/// The descriptor is readable when the kernel has woken the reader.
impl<S: EventSpec> AsFd for PerfBuffer<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

impl<S: EventSpec> AsRawFd for PerfBuffer<S> {
    fn as_raw_fd(&self) -> i32 {
        self.epoll.as_fd().as_raw_fd()
    }
}

impl<S: EventSpec> fmt::Debug for PerfBuffer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerfBuffer")
            .field("map", &self.map)
            .field("cpus", &self.rings.len())
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}
