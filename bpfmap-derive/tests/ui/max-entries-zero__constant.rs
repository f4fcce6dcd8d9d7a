use bpfmap::BpfMap;

const ENTRIES: u32 = 0;

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = ENTRIES)]
struct Counters {
    key: u32,
    value: u64,
}

fn main() {}
