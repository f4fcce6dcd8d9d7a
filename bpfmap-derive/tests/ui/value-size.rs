use bpfmap::{BpfMap, BpfType};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Large {
    bytes: [u8; 40_000],
}

#[derive(BpfMap)]
#[bpf_map(percpu_array, max_entries = 8)]
struct Direct {
    value: [u8; 40_000],
}

#[derive(BpfMap)]
#[bpf_map(percpu_array, max_entries = 8)]
struct Elsewhere {
    value: Large,
}

fn main() {}
