//! Values with work that a task executes before it returns to user space.

use bpfmap::{BpfMap, BpfMaps, BpfType, Map, TaskWork};

bpfmap::schema!(name = "task_work", min_kernel = "6.18");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Errand {
    pub done: u64,
    pub work: TaskWork,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 16)]
pub struct Errands {
    key: u32,
    value: Errand,
}

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 4)]
pub struct ErrandCells {
    value: Errand,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub errands: Map<Errands>,
    pub errand_cells: Map<ErrandCells>,
}
