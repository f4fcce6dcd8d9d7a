#![deny(deprecated)]

use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(cgroup_storage)]
struct Counters {
    key: u64,
    value: u64,
}

fn main() {}
