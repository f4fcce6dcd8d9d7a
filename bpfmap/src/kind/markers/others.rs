//! Map types of which there is but one of a kind.

use super::kind;
use crate::kind::{
    BatchCursor, DeleteElement, Filter, HoldStacks, Iterate, Kind, LookupElement, MapArena,
    RegisterOps, TakeElement, UpdateElement, sealed::Sealed,
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

kind!(/// `BPF_MAP_TYPE_BLOOM_FILTER` (Linux 5.16): the spec's `MAP_EXTRA` is the number of hash functions.
    BloomFilter, 30, "bloom_filter", btf: true, cursor: Position, value: V => V);
impl Filter for BloomFilter {}

kind!(/// `BPF_MAP_TYPE_STACK_TRACE` (Linux 4.6): a program puts a stack in with `bpf_get_stackid`, which gives it the key.
    ///
    /// A stack that is there already keeps its id. Another one that falls on the same id is refused (`EEXIST`), or takes
    /// the place with `BPF_F_REUSE_STACKID`. Ids go up to the next power of two above `max_entries`. A look-up takes the
    /// stack out for a moment: another one at the same time may find nothing (`ENOENT`).
    StackTrace, 7, "stack_trace", btf: false, cursor: Key, value: V => V);
impl LookupElement for StackTrace {}
impl DeleteElement for StackTrace {}
impl TakeElement for StackTrace {}
impl Iterate for StackTrace {}
impl HoldStacks for StackTrace {}
