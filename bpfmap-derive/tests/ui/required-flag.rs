use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(sk_storage)]
struct Counters {
    value: u64,
}

fn main() {}
