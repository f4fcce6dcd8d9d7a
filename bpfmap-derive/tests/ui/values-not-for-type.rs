use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 8, values(1 = handle_ipv4))]
struct Counters {
    key: u32,
    value: u64,
}

fn main() {}
