//! An arena at an address that the schema gives.

use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "arena_placed", min_kernel = "6.9");

/// A page where pointers that other processes wrote still lead to it.
#[derive(BpfMap)]
#[bpf_map(arena, max_entries = 1, map_extra = 17592186044416, flags(mmapable))]
pub struct Ledger;

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// A page where pointers that other processes wrote still lead to it.
    pub ledger: Map<Ledger>,
}
