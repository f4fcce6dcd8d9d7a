//! Values with a work queue. A program passes work to a kernel thread, where the work can sleep.

use bpfmap::{BpfMap, BpfMaps, BpfType, Map, WorkQueue};

bpfmap::schema!(name = "wq", min_kernel = "6.10");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Chore {
    pub done: u64,
    pub work: WorkQueue,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 16)]
pub struct Chores {
    key: u32,
    value: Chore,
}

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 4)]
pub struct ChoreCells {
    value: Chore,
}

#[derive(BpfMap)]
#[bpf_map(lru_hash, max_entries = 64)]
pub struct RecentChores {
    key: u32,
    value: Chore,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub chores: Map<Chores>,
    pub chore_cells: Map<ChoreCells>,
    pub recent_chores: Map<RecentChores>,
}
