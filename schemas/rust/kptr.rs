//! Values with pointers to kernel objects.

use bpfmap::{BpfMap, BpfMaps, BpfType, Kptr, Map};

bpfmap::schema!(name = "kptr", min_kernel = "6.12");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Watched {
    pub since: u64,
    /// The entry owns this task, so the task exists as long as the entry.
    #[bpf(kptr = "task_struct")]
    pub task: Kptr,
    pub marks: u32,
    pub _pad0: [u8; 4],
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Seen {
    /// The task is possibly already freed, so only its address is reliable.
    #[bpf(kptr_untrusted = "task_struct")]
    pub task: Kptr,
    pub times: u64,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Crew {
    #[bpf(kptr = "task_struct")]
    pub tasks: [Kptr; 4],
    pub count: u32,
    pub _pad0: [u8; 4],
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Pool {
    /// The kernel has this type since Linux 6.3.
    #[bpf(kptr = "bpf_cpumask")]
    pub cpus: Kptr,
    pub tasks: u32,
    pub _pad0: [u8; 4],
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 16)]
pub struct WatchedTasks {
    key: u32,
    value: Watched,
}

#[derive(BpfMap)]
#[bpf_map(lru_hash, max_entries = 64)]
pub struct WatchedRecent {
    key: u32,
    value: Watched,
}

#[derive(BpfMap)]
#[bpf_map(percpu_array, max_entries = 2)]
pub struct WatchedByCpu {
    value: Watched,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 16)]
pub struct SeenTasks {
    key: u32,
    value: Seen,
}

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 2)]
pub struct Crews {
    value: Crew,
}

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 4)]
pub struct Pools {
    value: Pool,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub watched_tasks: Map<WatchedTasks>,
    pub watched_recent: Map<WatchedRecent>,
    pub watched_by_cpu: Map<WatchedByCpu>,
    pub seen_tasks: Map<SeenTasks>,
    pub crews: Map<Crews>,
    pub pools: Map<Pools>,
}
