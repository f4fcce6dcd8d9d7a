use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(array_of_maps, max_entries = 8)]
struct Counters;

fn main() {}
