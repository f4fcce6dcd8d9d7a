//! Map types that carry records.

use super::kind;
use crate::kind::{BatchCursor, Kind, sealed::Sealed};
use crate::plain::Plain;

kind!(/// `BPF_MAP_TYPE_RINGBUF` (Linux 5.8)
    Ringbuf, 27, "ringbuf", btf: false, cursor: Position, value: V => V);
