use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(queue, max_entries = 8)]
struct Counters {
    key: u32,
    value: u64,
}

fn main() {}
