//! Values that are attached to tasks.

use bpfmap::{BpfMap, BpfMaps, BpfType, CharArray, Map};

bpfmap::schema!(name = "task_storage", min_kernel = "5.11");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Account {
    pub started: u64,
    pub label: CharArray<12>,
    pub level: i32,
}

#[derive(BpfMap)]
#[bpf_map(task_storage, flags(no_prealloc))]
pub struct Accounts {
    value: Account,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub accounts: Map<Accounts>,
}
