//! Hash tables with a value for each CPU. They remove the least recently used entries.

use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "lru_percpu_hash", min_kernel = "5.10");

/// Frames by hardware address.
#[derive(BpfMap)]
#[bpf_map(lru_percpu_hash, max_entries = 1024)]
pub struct Recent {
    key: [u8; 6],
    value: u64,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// Frames by hardware address.
    pub recent: Map<Recent>,
}
