use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(cpumap, max_entries = 100_000)]
struct Counters;

fn main() {}
