use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 8, map_extra = 1)]
struct Counters {
    key: u32,
    value: u64,
}

fn main() {}
