//! Map types of which there is but one of a kind.

use super::kind;
use crate::kind::{
    BatchCursor, Iterate, Kind, LookupElement, MapArena, RegisterOps, UpdateElement, sealed::Sealed,
};
use crate::plain::Plain;

kind!(/// `BPF_MAP_TYPE_ARENA` (Linux 6.9)
    Arena, 33, "arena", btf: false, cursor: Position, value: V => V);
impl MapArena for Arena {}

kind!(/// `BPF_MAP_TYPE_INSN_ARRAY` (Linux 6.19): values are [`InsnOffsets`](crate::InsnOffsets).
    InsnArray, 34, "insn_array", btf: false, cursor: Key, value: V => V, adds: RDONLY_PROG);
impl LookupElement for InsnArray {}
impl UpdateElement for InsnArray {}
impl Iterate for InsnArray {}

kind!(/// `BPF_MAP_TYPE_STRUCT_OPS` (Linux 5.6)
    StructOps, 26, "struct_ops", btf: false, cursor: Key, value: V => V, kernel_value: true);
impl RegisterOps for StructOps {}
