//! Arrays with a value for each CPU.

use bpfmap::{BpfMap, BpfMaps, BpfType, Map};

bpfmap::schema!(name = "percpu_array", min_kernel = "5.10");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Histogram {
    pub slots: [u32; 27],
    pub last: i8,
    pub _pad0: [u8; 3],
}

#[derive(BpfMap)]
#[bpf_map(percpu_array, max_entries = 4)]
pub struct Latency {
    value: Histogram,
}

#[derive(BpfMap)]
#[bpf_map(percpu_array, max_entries = 8)]
pub struct Counters {
    value: u64,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub latency: Map<Latency>,
    pub counters: Map<Counters>,
}
