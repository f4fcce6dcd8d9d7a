//! Arenas: memory that programs and user space share. A pointer has the same meaning for both.

use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "arena", min_kernel = "6.9");

/// Sixteen pages, at an address that the kernel chooses.
#[derive(BpfMap)]
#[bpf_map(arena, max_entries = 16, flags(mmapable))]
pub struct Pool;

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// Sixteen pages, at an address that the kernel chooses.
    pub pool: Map<Pool>,
}
