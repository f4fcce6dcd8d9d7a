#![deny(deprecated)]

use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(hash)]
struct Counters {
    key: u32,
    value: u64,
}

fn main() {}
