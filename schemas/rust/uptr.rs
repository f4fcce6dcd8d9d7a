//! Memory of a process that programs read and write, found by the task.

use bpfmap::{BpfMap, BpfType, UserPtr};

bpfmap::schema!(name = "uptr", min_kernel = "6.13");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
pub struct SharedState {
    pub requests: u64,
    pub answers: u64,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
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
