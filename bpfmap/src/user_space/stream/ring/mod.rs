//! Accesses the memory of ring buffers: the positions, headers and records. This module makes no
//! system calls, so tests can use ordinary memory, with positions and headers that the kernel would
//! never write.

#[cfg(any(test, fuzzing))]
pub(super) mod drive;
mod memory;
mod perf;
#[cfg(test)]
mod perf_tests;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub(super) use perf::{PerfFound, PerfReader};
pub(super) use reader::{Found, Reader};
pub(super) use writer::Writer;

use core::fmt;

/// The size in bytes of the header at the beginning of each record. Each record begins at a
/// multiple of 8 bytes.
const RECORD_HEADER: usize = 8;

/// Bits in a record's length (`include/uapi/linux/bpf.h`). The first bit means that the record is
/// not submitted yet. The second bit means that the record was discarded.
const BUSY: u32 = 1 << 31;
const DISCARDED: u32 = 1 << 30;

/// Returns the number of bytes that an event of this size needs in a ring buffer, including its
/// header.
const fn record_size(event: u64) -> u64 {
    (event + RECORD_HEADER as u64).next_multiple_of(8)
}

/// An invalid state of a ring's memory. The kernel never causes such a state. Either another
/// process or library has moved a position, or the memory is not a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The position of this reader or writer has changed.
    Moved { expected: u64, found: u64 },
    /// A position is not a multiple of 8.
    Unaligned { position: u64 },
    /// The distance from the consumer's to the producer's position is larger than the ring.
    Apart { consumer: u64, producer: u64, ring: u64 },
    /// A record extends beyond the end of all records.
    Record { position: u64, size: u64, left: u64 },
    /// A ring of this size can't hold an event.
    Size { record: u64, ring: u64, room: u64 },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moved { expected, found } => write!(
                f,
                "another process or library uses this ring: expected the position {expected}, found {found}"
            ),
            Self::Unaligned { position } => {
                write!(f, "expected a position that is a multiple of 8, found {position}")
            }
            Self::Apart { consumer, producer, ring } => write!(
                f,
                "expected a distance of at most {ring} bytes between the consumer's position {consumer} and the producer's position {producer}"
            ),
            Self::Record { position, size, left } => write!(
                f,
                "the record at position {position} needs {size} bytes, but only {left} bytes are left: the position is inside a record"
            ),
            Self::Size { record, ring, room } => write!(
                f,
                "an event needs {record} bytes with its header, but the ring of {ring} bytes has space for only {room} bytes"
            ),
        }
    }
}
