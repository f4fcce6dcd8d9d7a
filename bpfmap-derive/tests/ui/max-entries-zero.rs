use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 0)]
struct Counters {
    key: u32,
    value: u64,
}

fn main() {}
