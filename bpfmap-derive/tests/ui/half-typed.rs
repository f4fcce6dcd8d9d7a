#![deny(deprecated)]

use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 8, value_size = 8)]
struct Counters {
    key: u32,
}

fn main() {}
