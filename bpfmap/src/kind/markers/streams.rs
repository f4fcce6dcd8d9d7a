//! Map types that transfer events.

use super::kind;
use crate::kind::{
    DeleteElement, Iterate, Kind, ReadPerCpuRecords, ReadRecords, WriteRecords, sealed::Sealed,
};
#[cfg(not(target_arch = "bpf"))]
use crate::plain::Plain;

kind!(/// `BPF_MAP_TYPE_PERF_EVENT_ARRAY` (Linux 4.3): a perf event for each CPU.
    /// [`PerfBuffer`](crate::PerfBuffer) reads the events that programs send.
    ///
    /// [`set`](crate::Map::set) stores a [`PerfEventFd`](crate::PerfEventFd) and replaces an
    /// existing perf event. The kernel removes the entry when the map descriptor through which it
    /// was stored is closed, unless the map has the flag
    /// [`PRESERVE_ELEMS`](crate::MapFlags::PRESERVE_ELEMS). User space can't read the entries.
    ///
    /// Errors: `E2BIG` (the CPU is out of range), `EBADF` (the descriptor is not a perf event),
    /// `ENOTSUPP` (a lookup, for which the handle has no method), `EPERM` (the map is frozen).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/perf_event_array.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/arraymap.c`, `perf_event_array_map_ops`.
    PerfEventArray, PERF_EVENT_ARRAY, V => V);
impl DeleteElement for PerfEventArray {}
impl Iterate for PerfEventArray {}
impl ReadPerCpuRecords for PerfEventArray {}

kind!(/// `BPF_MAP_TYPE_RINGBUF` (Linux 5.8): events from programs, which a
    /// [`RingBuf`](crate::RingBuf) reads.
    ///
    /// Errors: `EBUSY` (this process already reads the map), `ENOMEM` (there is not enough memory
    /// for the mapping), `EPERM` (the map is frozen).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/ringbuf.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/ringbuf.c`, `ringbuf_map_ops`.
    Ringbuf, RINGBUF, V => V);
impl ReadRecords for Ringbuf {}

kind!(/// `BPF_MAP_TYPE_USER_RINGBUF` (Linux 6.1): events to programs, which a
    /// [`UserRingBuf`](crate::UserRingBuf) writes.
    ///
    /// Errors: `EBUSY` (this process already writes to the map), `ENOMEM` (there is not enough
    /// memory for the mapping), `EPERM` (the map is frozen).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/user_ringbuf.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/ringbuf.c`, `user_ringbuf_map_ops`.
    UserRingbuf, USER_RINGBUF, V => V);
impl WriteRecords for UserRingbuf {}
