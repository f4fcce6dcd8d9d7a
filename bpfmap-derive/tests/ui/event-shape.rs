use bpfmap::{BpfMap, BpfType};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Large {
    bytes: [u8; 5000],
}

#[derive(BpfMap)]
#[bpf_map(ringbuf, max_entries = 4096)]
struct Direct {
    event: [u8; 5000],
}

#[derive(BpfMap)]
#[bpf_map(ringbuf, max_entries = 4096)]
struct Elsewhere {
    event: Large,
}

fn main() {}
