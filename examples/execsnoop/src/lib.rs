//! Reports each program that a process starts to run, as soon as the program starts.
//!
//! The maps are declared in `execsnoop.toml`. The BPF program includes the header that is generated
//! from this schema. The header contains functions that send events of the declared type. This
//! crate uses the generated Rust types.

use std::error::Error;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use bpfmap::{Map, PerfBuffer, RingBuf};
use libbpf_rs::skel::{OpenSkel as _, Skel as _, SkelBuilder as _};
use libbpf_rs::{Link, MapType, OpenObject};

use maps::{Perf, Ring};

pub use maps::ExecEvent;

/// The types and maps of the schema.
pub mod maps {
    include!(concat!(env!("OUT_DIR"), "/execsnoop.rs"));
}

#[allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::undocumented_unsafe_blocks,
    reason = "libbpf-cargo wrote it"
)]
mod skeleton {
    include!(concat!(env!("OUT_DIR"), "/execsnoop.skel.rs"));
}

/// The kind of buffer that transfers events to user space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buffer {
    /// A single buffer for all CPUs, which preserves the order of events (Linux 5.8).
    Ring,
    /// A buffer for each CPU.
    Perf,
}

impl Buffer {
    /// Returns the best kind of buffer that the kernel supports.
    ///
    /// # Errors
    ///
    /// Fails if the process lacks `CAP_BPF`. This capability is needed to query the kernel.
    pub fn best() -> Result<Self, Box<dyn Error>> {
        Ok(if MapType::RingBuf.is_supported()? { Self::Ring } else { Self::Perf })
    }
}

/// A watcher of all processes on the machine. It works until it is dropped.
#[derive(Debug)]
pub struct ExecSnoop {
    reader: Reader,
    _link: Link,
}

#[derive(Debug)]
enum Reader {
    Ring(RingBuf<Ring>),
    Perf(PerfBuffer<Perf>),
}

impl ExecSnoop {
    /// Loads the program for the buffer, attaches it, and opens the buffer.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses the program. Loading and attaching need `CAP_BPF` and
    /// `CAP_PERFMON`.
    pub fn start(buffer: Buffer) -> Result<Self, Box<dyn Error>> {
        let mut object = MaybeUninit::<OpenObject>::uninit();
        let mut open = skeleton::ExecsnoopSkelBuilder::default().open(&mut object)?;
        // The map of the other kind is not created, because a kernel without ring buffers would
        // refuse a ring buffer.
        let is_ring = buffer == Buffer::Ring;
        open.maps.ring.set_autocreate(is_ring)?;
        open.progs.report_by_ring.set_autoload(is_ring);
        open.maps.perf.set_autocreate(!is_ring)?;
        open.progs.report_by_perf.set_autoload(!is_ring);
        let skeleton = open.load()?;
        // The buffer is opened before the program is attached, because earlier events would be
        // lost.
        let (reader, program) = match buffer {
            Buffer::Ring => {
                let map = Map::from_object(skeleton.object())?;
                (Reader::Ring(RingBuf::open(&map)?), &skeleton.progs.report_by_ring)
            }
            Buffer::Perf => {
                let map = Map::from_object(skeleton.object())?;
                (Reader::Perf(PerfBuffer::open(&map)?), &skeleton.progs.report_by_perf)
            }
        };
        Ok(Self { _link: program.attach()?, reader })
    }

    /// Waits until there are events or the time limit expires, and calls `handle` for each event.
    /// Returns the number of events. If the time limit is `None`, waits without a limit.
    ///
    /// # Errors
    ///
    /// Fails if the kernel refuses to wait.
    pub fn poll(
        &mut self,
        timeout: Option<Duration>,
        mut handle: impl FnMut(&ExecEvent),
    ) -> bpfmap::Result<usize> {
        match &mut self.reader {
            Reader::Ring(ring) => {
                ring.wait(timeout)?;
                ring.consume(handle)
            }
            Reader::Perf(perf) => {
                perf.wait(timeout)?;
                perf.consume(|record| handle(record.event))
            }
        }
    }

    /// Returns the number of lost events. The kernel counts lost events only for perf buffers.
    #[must_use]
    pub fn lost(&self) -> u64 {
        match &self.reader {
            Reader::Ring(_) => 0,
            Reader::Perf(perf) => perf.lost(),
        }
    }
}

/// The descriptor becomes readable when there are events. You can use it in an event loop.
impl AsFd for ExecSnoop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.reader {
            Reader::Ring(ring) => ring.as_fd(),
            Reader::Perf(perf) => perf.as_fd(),
        }
    }
}

/// The heading of the output.
pub const HEADING: &str = "       SECONDS      PID      UID NAME";

/// Formats an event as a line.
#[must_use]
pub fn line(event: &ExecEvent) -> String {
    let micros = event.time / 1000;
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let ExecEvent { pid, uid, name, .. } = event;
    format!("{seconds:>7}.{micros:06} {pid:>8} {uid:>8} {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_aligned_with_the_heading() {
        let name = "ls".parse().unwrap();
        let event = ExecEvent { time: 12_000_345_678, pid: 77, uid: 1000, name };
        assert_eq!(HEADING, "       SECONDS      PID      UID NAME");
        assert_eq!(line(&event), "     12.000345       77     1000 ls");
    }
}
