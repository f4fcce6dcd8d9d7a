use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "pinned", min_kernel = "5.10");

/// Stays when the program that loaded it ends.
#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 64, pinning = by_name)]
pub struct Kept {
    key: u32,
    value: u64,
}

/// Is gone with the last program that uses it.
#[derive(BpfMap)]
#[bpf_map(array, max_entries = 4)]
pub struct LetGo {
    value: u64,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// Stays when the program that loaded it ends.
    pub kept: Map<Kept>,
    /// Is gone with the last program that uses it.
    pub let_go: Map<LetGo>,
}
