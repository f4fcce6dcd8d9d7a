//! Map types of which there is but one of a kind.

use super::kind;
use crate::kind::{BatchCursor, Kind, MapArena, sealed::Sealed};
use crate::plain::Plain;

kind!(/// `BPF_MAP_TYPE_ARENA` (Linux 6.9)
    Arena, 33, "arena", btf: false, cursor: Position, value: V => V);
impl MapArena for Arena {}
