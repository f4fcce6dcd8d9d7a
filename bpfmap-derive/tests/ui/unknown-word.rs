use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 8, pinning = by_nam)]
struct Counters {
    key: u32,
    value: u64,
}

fn main() {}
