#![deny(deprecated)]

use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 4)]
struct Images {
    value: [u8; 3_000_000],
}

fn main() {}
