use bpfmap::{BpfMap, BpfType};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Counts {
    verdict: Verdict,
}

#[derive(Clone, Copy, BpfType)]
#[repr(u32)]
enum Verdict {
    Pass,
}

/// Without the derive.
#[derive(Clone, Copy)]
#[repr(C)]
struct Source {
    address: u32,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 64)]
struct Packets {
    key: Source,
    value: u64,
}

fn main() {}
