//! Stacks. The value that was pushed last is popped first.

use bpfmap::{BpfMap, BpfMaps, BpfType, Map};

bpfmap::schema!(name = "stack", min_kernel = "5.10");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
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

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub jobs: Map<Jobs>,
    pub numbers: Map<Numbers>,
}
