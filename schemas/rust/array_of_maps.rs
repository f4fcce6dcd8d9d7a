//! Arrays of maps that match a template.

use bpfmap::{Be16, Be32, BpfMap, BpfMaps, BpfType, Map};

bpfmap::schema!(name = "array_of_maps", min_kernel = "5.10");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Flow {
    pub address: Be32,
    pub port: Be16,
    pub _pad0: [u8; 2],
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Traffic {
    pub packets: u64,
    pub bytes: u64,
}

/// Programs count in one inner map, and the application reads the other one.
#[derive(BpfMap)]
#[bpf_map(array_of_maps, max_entries = 2, values(0 = traffic_0, 1 = traffic_1))]
pub struct Generations {
    inner: Traffic0,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 1024, name = "traffic_0")]
pub struct Traffic0 {
    key: Flow,
    value: Traffic,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 1024, name = "traffic_1")]
pub struct Traffic1 {
    key: Flow,
    value: Traffic,
}

/// Counters of a tenant.
#[derive(BpfMap)]
#[bpf_map(template, array, max_entries = 8)]
pub struct PagesInner {
    value: [u32; 4],
}

/// Arrays that the application adds at run time.
#[derive(BpfMap)]
#[bpf_map(array_of_maps, max_entries = 16)]
pub struct Pages {
    inner: PagesInner,
}

#[derive(BpfMap)]
#[bpf_map(template, array, max_entries = 1, flags(inner_map))]
pub struct SizedInner {
    value: u64,
}

/// Arrays of any length.
#[derive(BpfMap)]
#[bpf_map(array_of_maps, max_entries = 4)]
pub struct Sized {
    inner: SizedInner,
}

#[derive(BpfMap)]
#[bpf_map(template, queue, max_entries = 8)]
pub struct QueuesInner {
    value: Flow,
}

/// A queue for each worker.
#[derive(BpfMap)]
#[bpf_map(array_of_maps, max_entries = 4)]
pub struct Queues {
    inner: QueuesInner,
}

#[derive(BpfMap)]
#[bpf_map(template, ringbuf, max_entries = 4096)]
pub struct BuffersInner {
    event: Flow,
}

/// A ring buffer for each reader.
#[derive(BpfMap)]
#[bpf_map(array_of_maps, max_entries = 4)]
pub struct Buffers {
    inner: BuffersInner,
}

#[derive(BpfMap)]
#[bpf_map(inode_storage, flags(no_prealloc))]
pub struct Notes {
    value: u64,
}

/// Sets of values that are attached to files. A program uses the current set.
#[derive(BpfMap)]
#[bpf_map(array_of_maps, max_entries = 2, values(0 = notes))]
pub struct Shelves {
    inner: Notes,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// Programs count in one inner map, and the application reads the other one.
    pub generations: Map<Generations>,
    pub traffic_0: Map<Traffic0>,
    pub traffic_1: Map<Traffic1>,
    /// Arrays that the application adds at run time.
    pub pages: Map<Pages>,
    /// Arrays of any length.
    pub sized: Map<Sized>,
    /// A queue for each worker.
    pub queues: Map<Queues>,
    /// A ring buffer for each reader.
    pub buffers: Map<Buffers>,
    pub notes: Map<Notes>,
    /// Sets of values that are attached to files. A program uses the current set.
    pub shelves: Map<Shelves>,
}
