//! Lists of objects that programs allocate. The map owns these objects.

use bpfmap::{BpfMap, BpfMaps, BpfType, ListHead, ListNode, Map, SpinLock};

bpfmap::schema!(name = "list", min_kernel = "6.6");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Job {
    pub id: u64,
    pub node: ListNode,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct JobList {
    pub lock: SpinLock,
    pub length: u32,
    #[bpf(list_head = Job.node)]
    pub jobs: ListHead,
}

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 2)]
pub struct JobLists {
    value: JobList,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 8)]
pub struct NamedLists {
    key: u32,
    value: JobList,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub job_lists: Map<JobLists>,
    pub named_lists: Map<NamedLists>,
}
