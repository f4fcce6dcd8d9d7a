use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 8)]
struct Other {
    value: u64,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 8)]
struct Counters {
    key: u32,
    value: u64,
    inner: Other,
}

fn main() {}
