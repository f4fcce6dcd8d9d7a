use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(hash, max_entires = 8)]
struct Counters {
    key: u32,
    value: u64,
}

fn main() {}
