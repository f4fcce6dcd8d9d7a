use bpfmap::{BpfMap, BpfType, Timer};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Delayed {
    timer: Timer,
}

#[derive(BpfMap)]
#[bpf_map(queue, max_entries = 8)]
struct Jobs {
    value: Delayed,
}

fn main() {}
