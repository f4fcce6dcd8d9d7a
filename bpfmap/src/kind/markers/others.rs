//! Map types that belong to no family.

use super::kind;
use crate::kind::{
    DeleteElement, Filter, HoldStacks, Iterate, Kind, LookupElement, MapArena, RegisterOps,
    TakeElement, UpdateElement, sealed::Sealed,
};
#[cfg(not(target_arch = "bpf"))]
use crate::plain::Plain;

kind!(/// `BPF_MAP_TYPE_ARENA` (Linux 6.9)
    ///
    /// Errors: `EOPNOTSUPP` (creation on an architecture whose JIT has no arenas; x86-64 and arm64
    /// have them), `EBUSY`, `EINVAL` (this process has already mapped it, or it is mapped at a
    /// different address), `EEXIST` (its address is in use), `ENOMEM` (no address range is left).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/arena.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/arena.c`, `arena_map_ops`.
    Arena, ARENA, V => V);
impl MapArena for Arena {}

kind!(/// `BPF_MAP_TYPE_INSN_ARRAY` (Linux 6.19): values are [`InsnOffsets`](crate::InsnOffsets).
    ///
    /// Errors: `E2BIG` (the index is out of range), `EINVAL` (an offset that only the kernel can
    /// set is not 0), `EPERM` (frozen).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/insn_array.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/bpf_insn_array.c`, `insn_array_map_ops`.
    InsnArray, INSN_ARRAY, V => V);
impl LookupElement for InsnArray {}
impl UpdateElement for InsnArray {}
impl Iterate for InsnArray {}

kind!(/// `BPF_MAP_TYPE_STRUCT_OPS` (Linux 5.6)
    ///
    /// Errors: `EINPROGRESS` (it was unregistered before, and is still in use), `EOPNOTSUPP` (a link registers and
    /// unregisters it), `EPERM` (the descriptor is write-only or read-only).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/struct_ops.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/bpf_struct_ops.c`, `bpf_struct_ops_map_ops`.
    StructOps, STRUCT_OPS, V => V);
impl RegisterOps for StructOps {}

kind!(/// `BPF_MAP_TYPE_BLOOM_FILTER` (Linux 5.16): a set of values. `MAP_EXTRA` of the spec is the number of hash functions.
    ///
    /// Errors: `EPERM` (frozen, or the descriptor is read-only). The map is never full.
    ///
    /// ```no_run
    #[doc = include_str!("../examples/bloom_filter.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/bloom_filter.c`, `bloom_filter_map_ops`.
    BloomFilter, BLOOM_FILTER, V => V);
impl Filter for BloomFilter {}

kind!(/// `BPF_MAP_TYPE_STACK_TRACE` (Linux 4.6): stacks. A program records a stack with `bpf_get_stackid`, which returns the key.
    ///
    /// Recording the same stack again returns the same id. A different stack with the same id fails
    /// with `EEXIST`, or replaces the old one if the program passes `BPF_F_REUSE_STACKID`. Ids are
    /// below the next power of two above `max_entries`. A lookup removes the stack for a moment, so
    /// a second lookup at the same time may find nothing (`ENOENT`).
    ///
    /// Errors: `E2BIG` ([`delete`](crate::Map::delete) of an id out of range), `ENOTSUPP`
    /// ([`take`](crate::Map::take) before Linux 6.18), `EPERM` (frozen, or the descriptor is read-only).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/stack_trace.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/stackmap.c`, `stack_trace_map_ops`.
    StackTrace, STACK_TRACE, V => V);
impl LookupElement for StackTrace {}
impl DeleteElement for StackTrace {}
impl TakeElement for StackTrace {}
impl Iterate for StackTrace {}
impl HoldStacks for StackTrace {}
