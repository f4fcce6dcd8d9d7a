use bpfmap::{BpfMap, BpfType};

const HALF: u32 = 1 << 31;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Job {
    number: u64,
}

/// 2^29 + 1 values of 8 bytes.
#[derive(BpfMap)]
#[bpf_map(queue, max_entries = 536_870_912)]
struct Jobs {
    value: Job,
}

#[derive(BpfMap)]
#[bpf_map(stack, max_entries = HALF)]
struct Ports {
    value: u16,
}

fn main() {}
