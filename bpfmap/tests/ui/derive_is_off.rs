//! Uses of the derive macros without the feature `derive`.

use bpfmap::{BpfMap, BpfType};

#[derive(Clone, Copy, BpfType)]
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
