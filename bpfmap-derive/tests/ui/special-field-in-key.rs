use bpfmap::{BpfMap, BpfType, SpinLock};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Locked {
    lock: SpinLock,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 8)]
struct Direct {
    key: SpinLock,
    value: u64,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 8)]
struct Elsewhere {
    key: Locked,
    value: u64,
}

fn main() {}
