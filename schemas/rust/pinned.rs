use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "pinned", min_kernel = "5.10");

/// A pinned map, which exists after the program that loaded it has ended.
#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 64, pinning = by_name)]
pub struct Kept {
    key: u32,
    value: u64,
}

/// A map without a pin, which the kernel deletes when the last program that uses it ends.
#[derive(BpfMap)]
#[bpf_map(array, max_entries = 4)]
pub struct LetGo {
    value: u64,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// A pinned map, which exists after the program that loaded it has ended.
    pub kept: Map<Kept>,
    /// A map without a pin, which the kernel deletes when the last program that uses it ends.
    pub let_go: Map<LetGo>,
}
