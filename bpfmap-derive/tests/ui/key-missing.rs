use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 8)]
struct Counters {
    value: u64,
}

fn main() {}
