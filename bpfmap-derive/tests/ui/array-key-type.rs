use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 8)]
struct Counters {
    key: [u8; 4],
    value: u64,
}

fn main() {}
