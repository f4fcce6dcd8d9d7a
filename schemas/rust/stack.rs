//! Last in, first out.

use bpfmap::{BpfMap, BpfType};

bpfmap::schema!(name = "stack", min_kernel = "5.10");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
pub struct Job {
    pub id: u64,
    pub kind: u8,
    pub _pad0: [u8; 7],
}

#[derive(BpfMap)]
#[bpf_map(stack, max_entries = 8)]
pub struct Jobs {
    value: Job,
}

#[derive(BpfMap)]
#[bpf_map(stack, max_entries = 4)]
pub struct Numbers {
    value: u32,
}
