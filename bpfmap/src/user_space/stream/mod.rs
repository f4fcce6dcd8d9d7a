//! Event streams: records from programs to user space, or from user space to programs.

mod epoll;
mod perf_buffer;
mod perf_event;
mod perf_ring;
mod ring;
mod ring_buf;
mod sole;
mod user_ring_buf;

pub use perf_buffer::{PerfBuffer, PerfBufferOptions, PerfRecord};
#[cfg(fuzzing)]
pub(crate) use ring::drive::drive as drive_ring;
pub use ring_buf::{Records, RingBuf};
pub use user_ring_buf::{Reservation, UserRingBuf};

use crate::spec::EventSpec;
use crate::user_space::error::{Action, Error, ErrorKind};
use ring::Fault;

/// Checks at compile time that the event of a spec and its layout have the same size.
struct ConsistentEvent<S>(core::marker::PhantomData<S>);

impl<S: EventSpec> ConsistentEvent<S> {
    const CHECK: () = {
        assert!(size_of::<S::Event>() > 0, "the size of an event is not zero");
        assert!(
            S::DEF.event.size() == size_of::<S::Event>() as u64,
            "the description of the event does not have the size of the event"
        );
    };
}

/// Returns the error for a fault of a ring. The error message contains help on how to fix the
/// fault.
#[cold]
fn error_of<S: EventSpec>(action: Action, fault: Fault) -> Error {
    let (kind, help) = match fault {
        Fault::Size { .. } => (ErrorKind::Mismatch, "make the ring larger"),
        Fault::Moved { .. } => (
            ErrorKind::Contended,
            "use the ring from only one process, and through only one handle",
        ),
        _ => (ErrorKind::Corrupted, "another process wrote to the ring: recreate the map"),
    };
    Error::told(action, S::DEF.name, kind, 0, format!("{fault}: {help}"))
}
