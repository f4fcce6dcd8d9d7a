use bpfmap::{BpfMap, BpfType};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Prefix {
    address: [u8; 4],
    len: u32,
}

#[derive(BpfMap)]
#[bpf_map(lpm_trie, max_entries = 8, flags(no_prealloc))]
struct Routes {
    key: Prefix,
    value: u32,
}

fn main() {}
