use bpfmap::{BpfMap, BpfType};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Key {
    index: u64,
}

#[derive(BpfMap)]
#[bpf_map(percpu_array, max_entries = 8)]
struct Counters {
    key: Key,
    value: u64,
}

fn main() {}
