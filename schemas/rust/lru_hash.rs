//! Hash tables that remove the least recently used entries.

use bpfmap::{BpfMap, BpfMaps, BpfType, Map};

bpfmap::schema!(name = "lru_hash", min_kernel = "5.10");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Session {
    pub started: u64,
    pub packets: u32,
    pub _pad0: [u8; 4],
}

#[derive(BpfMap)]
#[bpf_map(lru_hash, max_entries = 1024)]
pub struct Sessions {
    key: u64,
    value: Session,
}

/// Each CPU evicts entries from its own list.
#[derive(BpfMap)]
#[bpf_map(lru_hash, max_entries = 1024, flags(no_common_lru))]
pub struct PerCpuLists {
    key: u32,
    value: u32,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub sessions: Map<Sessions>,
    /// Each CPU evicts entries from its own list.
    pub per_cpu_lists: Map<PerCpuLists>,
}
