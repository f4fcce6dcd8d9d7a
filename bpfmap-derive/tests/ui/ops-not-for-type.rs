use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 8, ops = "tcp_congestion_ops")]
struct Counters {
    key: u32,
    value: u64,
}

fn main() {}
