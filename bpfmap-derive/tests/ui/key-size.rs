use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 8, key_size = 0, value_size = 8)]
struct Counters;

fn main() {}
