use bpfmap::BpfMap;

const ENTRIES: u64 = 1 << 32;

#[derive(BpfMap)]
#[bpf_map(array, max_entries = ENTRIES - 1)]
struct Largest {
    value: u64,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = ENTRIES - 1)]
struct TooMany {
    key: u32,
    value: u64,
}

fn main() {}
