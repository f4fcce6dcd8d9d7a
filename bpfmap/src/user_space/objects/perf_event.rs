//! Perf events, the entries of a `perf_event_array`.

use super::descriptor;
use crate::kind::{HoldObjects, PerfEventArray};
use crate::spec::MapSpec;
use std::os::fd::{AsFd, BorrowedFd};

/// A borrowed descriptor of a perf event (`perf_event_open(2)`), which you can store in a
/// [`PerfEventArray`].
///
/// Programs read a counter, such as the number of CPU cycles, with `bpf_perf_event_read_value`. To
/// receive events from programs, use a [`PerfBuffer`](crate::PerfBuffer), which opens a perf event
/// for each CPU.
///
/// ```no_run
/// # fn f<Cycles: bpfmap::MapSpec<Key = u32, Kind = bpfmap::kind::PerfEventArray>>(
/// #     cycles: &bpfmap::Map<Cycles>, cpu: u32, counter: std::os::fd::OwnedFd) -> bpfmap::Result<()> {
/// use std::os::fd::AsFd;
///
/// cycles.set(&cpu, bpfmap::PerfEventFd::new(counter.as_fd()))
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PerfEventFd<'a>(BorrowedFd<'a>);

impl<'a> PerfEventFd<'a> {
    /// Wraps the descriptor of a perf event. With any other descriptor, [`set`](crate::Map::set)
    /// fails with `EBADF`. With a perf event that programs can't read, [`set`](crate::Map::set)
    /// fails with `EINVAL`.
    #[must_use]
    pub const fn new(event: BorrowedFd<'a>) -> Self {
        Self(event)
    }
}

impl AsFd for PerfEventFd<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0
    }
}

impl<S: MapSpec> crate::kind::objects::Held<S> for PerfEventArray {}

impl<S: MapSpec> HoldObjects<S> for PerfEventArray {
    type Object<'a> = PerfEventFd<'a>;

    fn to_kernel(event: &PerfEventFd<'_>) -> [u8; 8] {
        descriptor(event.0)
    }

    fn refusal(errno: i32) -> Option<&'static str> {
        (errno == libc::EBADF).then_some("the descriptor is not a perf event")
    }
}
