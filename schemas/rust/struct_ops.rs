//! A struct of programs that stands in for functions of the kernel.

use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "struct_ops");

/// A congestion control that never leaves slow start; its members are written in C.
#[derive(BpfMap)]
#[bpf_map(struct_ops, ops = "tcp_congestion_ops")]
pub struct SlowStart;

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// A congestion control that never leaves slow start; its members are written in C.
    pub slow_start: Map<SlowStart>,
}
