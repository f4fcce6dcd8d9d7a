//! Arrays with a copy for each CPU.

use bpfmap::{BpfMap, BpfType};

bpfmap::schema!(name = "percpu_array", min_kernel = "5.10");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
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
