use bpfmap::{BpfMap, BpfType, SpinLock};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Locked {
    lock: SpinLock,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 8, btf = false)]
struct Counters {
    key: u32,
    value: Locked,
}

fn main() {}
