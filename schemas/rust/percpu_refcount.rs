//! Values for each CPU with a special field and a size that is not a multiple of 8.

use bpfmap::{Be16, BpfMap, BpfMaps, BpfType, Map, RefCount};

bpfmap::schema!(name = "percpu_refcount", min_kernel = "6.4");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Counted {
    pub packets: u32,
    pub owners: RefCount,
    pub drops: u32,
}

#[derive(BpfMap)]
#[bpf_map(percpu_hash, max_entries = 8)]
pub struct ByPort {
    key: Be16,
    value: Counted,
}

#[derive(BpfMap)]
#[bpf_map(lru_percpu_hash, max_entries = 8)]
pub struct Recent {
    key: Be16,
    value: Counted,
}

#[derive(BpfMap)]
#[bpf_map(percpu_array, max_entries = 8)]
pub struct ByIndex {
    value: Counted,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub by_port: Map<ByPort>,
    pub recent: Map<Recent>,
    pub by_index: Map<ByIndex>,
}
