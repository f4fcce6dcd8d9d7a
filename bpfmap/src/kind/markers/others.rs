//! Map types that don't belong to one of the other families.

use super::kind;
use crate::kind::{
    DeleteElement, Filter, HoldStacks, Iterate, Kind, LookupElement, MapArena, RegisterOps,
    TakeElement, UpdateElement, sealed::Sealed,
};
#[cfg(not(target_arch = "bpf"))]
use crate::plain::Plain;

kind!(/// `BPF_MAP_TYPE_ARENA` (Linux 6.9): memory that programs and user space share.
    ///
    /// Errors: `EOPNOTSUPP` (the JIT of this architecture does not support arenas; x86-64 and arm64
    /// support them), `EBUSY` or `EINVAL` (this process has already mapped the arena, or the arena
    /// is mapped at a different address), `EEXIST` (the address of the arena is in use), `ENOMEM`
    /// (no address range is free).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/arena.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/arena.c`, `arena_map_ops`.
    Arena, ARENA, V => V);
impl MapArena for Arena {}

kind!(/// `BPF_MAP_TYPE_INSN_ARRAY` (Linux 6.19): offsets of instructions by index. Each value is an
    /// [`InsnOffsets`](crate::InsnOffsets).
    ///
    /// Errors: `E2BIG` (the index is out of range), `EINVAL` (an offset that only the kernel can
    /// set is not 0), `EPERM` (the map is frozen).
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

kind!(/// `BPF_MAP_TYPE_STRUCT_OPS` (Linux 5.6): programs that replace functions of the kernel.
    ///
    /// Errors: `EINPROGRESS` (the programs were unregistered before and are still in use),
    /// `EOPNOTSUPP` (a link registers and unregisters the programs), `EPERM` (the descriptor is
    /// write-only or read-only).
    ///
    /// ```no_run
    #[doc = include_str!("../examples/struct_ops.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/bpf_struct_ops.c`, `bpf_struct_ops_map_ops`.
    StructOps, STRUCT_OPS, V => V);
impl RegisterOps for StructOps {}

kind!(/// `BPF_MAP_TYPE_BLOOM_FILTER` (Linux 5.16): a set of values. The `map_extra` of the map's
    /// definition is the number of hash functions.
    ///
    /// Errors: `EPERM` (the map is frozen, or the descriptor is read-only). The map is never full.
    ///
    /// ```no_run
    #[doc = include_str!("../examples/bloom_filter.rs")]
    /// ```
    ///
    /// Source: `kernel/bpf/bloom_filter.c`, `bloom_filter_map_ops`.
    BloomFilter, BLOOM_FILTER, V => V);
impl Filter for BloomFilter {}

kind!(/// `BPF_MAP_TYPE_STACK_TRACE` (Linux 4.6): stacks that programs record. A program records a
    /// stack with `bpf_get_stackid`, which returns the id of the stack. This id is the key.
    ///
    /// Recording the same stack again returns the same id. Recording a different stack with the
    /// same id fails with `EEXIST`, or replaces the old stack if the program passes
    /// `BPF_F_REUSE_STACKID`. Each id is less than `max_entries`, rounded up to a power of two. A
    /// lookup removes the stack from the map for a moment. A second lookup at the same time can
    /// therefore fail to find the stack (`ENOENT`).
    ///
    /// Errors: `E2BIG` ([`delete`](crate::Map::delete) of an id that is out of range), `ENOTSUPP`
    /// ([`take`](crate::Map::take) before Linux 6.18), `EPERM` (the map is frozen, or the
    /// descriptor is read-only).
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
