use bpfmap::{BpfMap, BpfType};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Prefix {
    len: u32,
    address: [u8; 4],
}

#[derive(BpfMap)]
#[bpf_map(lpm_trie, max_entries = 8)]
struct Counters {
    key: Prefix,
    value: u64,
}

fn main() {}
