#![deny(deprecated)]

use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(stack_trace, max_entries = 1024)]
struct Stacks {
    value: [u64; 256],
}

fn main() {}
