//! Sorted trees of objects that programs allocate. Each object counts its owners.

use bpfmap::{BpfMap, BpfMaps, BpfType, ListHead, ListNode, Map, RbNode, RbRoot, RefCount, SpinLock};

bpfmap::schema!(name = "rb_tree", min_kernel = "6.6");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Event {
    pub at: u64,
    pub owners: RefCount,
    pub _pad0: [u8; 4],
    pub order: RbNode,
    pub arrival: ListNode,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Schedule {
    pub lock: SpinLock,
    pub length: u32,
    #[bpf(rb_root = Event.order)]
    pub order: RbRoot,
    #[bpf(list_head = Event.arrival)]
    pub arrivals: ListHead,
}

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 2)]
pub struct Schedules {
    value: Schedule,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub schedules: Map<Schedules>,
}
