//! Hash tables with a value for each CPU.

use bpfmap::{Be16, BpfMap, BpfMaps, BpfType, Map};

bpfmap::schema!(name = "percpu_hash", min_kernel = "5.10");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Counters {
    pub packets: u64,
    pub drops: u32,
    pub _pad0: [u8; 4],
}

#[derive(BpfMap)]
#[bpf_map(percpu_hash, max_entries = 256)]
pub struct PerPort {
    key: Be16,
    value: Counters,
}

/// The value of each CPU still takes 8 bytes.
#[derive(BpfMap)]
#[bpf_map(percpu_hash, max_entries = 16, flags(no_prealloc))]
pub struct Small {
    key: u32,
    value: u8,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub per_port: Map<PerPort>,
    /// The value of each CPU still takes 8 bytes.
    pub small: Map<Small>,
}
