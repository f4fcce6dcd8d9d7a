//! Perf events in a `perf_event_array`.

use super::descriptor;
use crate::kind::{HoldObjects, PerfEventArray};
use crate::spec::MapSpec;
use std::os::fd::{AsFd, BorrowedFd};

/// A perf event (`perf_event_open(2)`), borrowed: what a [`PerfEventArray`] takes.
///
/// One that counts (cycles, say) is read by programs with `bpf_perf_event_read_value`. Those that take what programs send
/// are best left to a [`PerfBuffer`](crate::PerfBuffer), which opens one for each CPU.
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
    /// The perf event of a descriptor. If it is none, handing it in fails: `EBADF`; `EINVAL` where it is one that programs
    /// can't read.
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
        (errno == libc::EBADF).then_some("the descriptor is not that of a perf event")
    }
}
