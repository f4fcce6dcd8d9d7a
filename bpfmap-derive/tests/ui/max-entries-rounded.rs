#![deny(deprecated)]

use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(ringbuf, max_entries = 5000)]
struct Events;

fn main() {}
