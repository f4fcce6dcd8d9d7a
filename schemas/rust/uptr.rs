//! Values that are attached to tasks and point to memory of a process. Programs read and write this memory.

use bpfmap::{BpfMap, BpfMaps, BpfType, Map, UserPtr};

bpfmap::schema!(name = "uptr", min_kernel = "6.13");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct SharedState {
    pub requests: u64,
    pub answers: u64,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct SharedEntry {
    pub state: UserPtr<SharedState>,
    pub generation: u32,
    pub _pad0: [u8; 4],
}

#[derive(BpfMap)]
#[bpf_map(task_storage, flags(no_prealloc))]
pub struct Shared {
    value: SharedEntry,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub shared: Map<Shared>,
}
