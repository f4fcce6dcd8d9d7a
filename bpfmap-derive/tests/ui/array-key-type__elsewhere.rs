use bpfmap::{BpfMap, BpfType};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Key {
    index: u32,
}

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 8)]
struct Counters {
    key: Key,
    value: u64,
}

fn main() {}
