//! Event streams: records that programs send to user space, or user space to programs.

mod epoll;
mod perf_buffer;
mod perf_event;
mod perf_ring;
mod ring_buf;
mod sole;
mod user_ring_buf;

pub use perf_buffer::{PerfBuffer, PerfBufferOptions, PerfRecord};
#[cfg(feature = "fixture")]
pub(crate) use perf_event::{WakeUp, open_output};
pub use ring_buf::{Records, RingBuf};
pub use user_ring_buf::{Reservation, UserRingBuf};

use crate::spec::EventSpec;

/// A spec contradicts itself when its event and the event's layout differ in size; found when the program is compiled.
struct ConsistentEvent<S>(core::marker::PhantomData<S>);

impl<S: EventSpec> ConsistentEvent<S> {
    const CHECK: () = {
        assert!(size_of::<S::Event>() > 0, "an event has a size");
        assert!(
            S::EVENT_LAYOUT.size() == size_of::<S::Event>() as u64,
            "EVENT_LAYOUT isn't as large as the event"
        );
    };
}

/// A header stands before each record of a ring buffer, and a record begins at a multiple of 8 bytes.
const RECORD_HEADER: usize = 8;

/// Bytes of a ring buffer that a record of this size takes, its header among them.
const fn record_size(event: u64) -> u64 {
    (event + RECORD_HEADER as u64).next_multiple_of(8)
}
