use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(bloom_filter, max_entries = 8, map_extra = 16)]
struct Counters {
    value: u64,
}

fn main() {}
