//! Map types that carry events.

use super::kind;
use crate::error::Result;
use crate::kind::{
    BatchCursor, DeleteElement, Iterate, Kind, ReadPerCpuRecords, ReadRecords, WriteRecords,
    sealed::Sealed,
};
use crate::mapping::page_size;
use crate::plain::Plain;
use crate::possible_cpus;

kind!(/// `BPF_MAP_TYPE_PERF_EVENT_ARRAY` (Linux 4.3): a perf event for each CPU, which is read by
    /// [`PerfBuffer`](crate::PerfBuffer)
    ///
    /// [`set`](crate::Map::set) puts in a [`PerfEventFd`](crate::PerfEventFd), in place of what is there. The entry goes
    /// when the descriptor of the map that set it is closed, unless the map has
    /// [`PRESERVE_ELEMS`](crate::MapFlags::PRESERVE_ELEMS). User space can't read it back.
    ///
    /// Errors: `E2BIG` (the CPU is out of range), `EBADF` (no perf event), `ENOTSUPP` (a look-up, which the handle
    /// does not have), `EPERM` (frozen).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/perf_event_array.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/arraymap.c`, `perf_event_array_map_ops`.
    PerfEventArray, 4, "perf_event_array", btf: false, cursor: Key, value: V => V, try_entries: one_for_each_cpu);
impl DeleteElement for PerfEventArray {}
impl Iterate for PerfEventArray {}
impl ReadPerCpuRecords for PerfEventArray {}

kind!(/// `BPF_MAP_TYPE_RINGBUF` (Linux 5.8), which is read by [`RingBuf`](crate::RingBuf)
    ///
    /// Errors: `EBUSY` (this process reads the map already), `ENOMEM` (no memory for the mapping), `EPERM`
    /// (frozen).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/ringbuf.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/ringbuf.c`, `ringbuf_map_ops`.
    Ringbuf, 27, "ringbuf", btf: false, cursor: Position, value: V => V, entries: whole_pages);
impl ReadRecords for Ringbuf {}

kind!(/// `BPF_MAP_TYPE_USER_RINGBUF` (Linux 6.1), which is written by [`UserRingBuf`](crate::UserRingBuf)
    ///
    /// Errors: `EBUSY` (this process writes to the map already), `ENOMEM` (no memory for the mapping), `EPERM`
    /// (frozen).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/user_ringbuf.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/ringbuf.c`, `user_ringbuf_map_ops`.
    UserRingbuf, 31, "user_ringbuf", btf: false, cursor: Position, value: V => V, entries: whole_pages);
impl WriteRecords for UserRingbuf {}

/// libbpf's `map_set_def_max_entries`.
fn one_for_each_cpu(said: Option<u32>) -> Result<Option<u32>> {
    match said {
        None | Some(0) => Ok(u32::try_from(possible_cpus()?).ok()),
        Some(_) => Ok(said),
    }
}

/// libbpf's `adjust_ringbuf_sz`: bytes, a power of two and not less than a page, which may be larger than where the schema
/// was written.
fn whole_pages(said: Option<u32>) -> Option<u32> {
    let page = u32::try_from(page_size()).unwrap_or(u32::MAX);
    said.map(|bytes| match bytes {
        0 => 0,
        bytes => bytes.max(page).checked_next_power_of_two().unwrap_or(bytes),
    })
}
