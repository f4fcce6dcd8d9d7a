//! An arena at an address that the schema sets.

use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "arena_placed", min_kernel = "6.9");

/// A page at a fixed address, so that pointers into the page are also valid in other processes.
#[derive(BpfMap)]
#[bpf_map(arena, max_entries = 1, map_extra = 17592186044416, flags(mmapable))]
pub struct Ledger;

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// A page at a fixed address, so that pointers into the page are also valid in other processes.
    pub ledger: Map<Ledger>,
}
