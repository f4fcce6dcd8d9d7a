#![deny(deprecated)]

use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(queue, max_entries = 8, btf = true)]
struct Counters {
    value: u64,
}

fn main() {}
