//! Kernel structs whose functions are implemented by programs.

use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "struct_ops");

/// A congestion control algorithm that never leaves slow start. Its members are defined in C.
#[derive(BpfMap)]
#[bpf_map(struct_ops, ops = "tcp_congestion_ops")]
pub struct SlowStart;

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// A congestion control algorithm that never leaves slow start. Its members are defined in C.
    pub slow_start: Map<SlowStart>,
}
