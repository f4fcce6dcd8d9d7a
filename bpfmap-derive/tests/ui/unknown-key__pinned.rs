use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 8, pinned)]
struct Alone {
    key: u32,
    value: u64,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 8, pinned = true)]
struct WithValue {
    key: u32,
    value: u64,
}

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 8, pinning = true)]
struct RightWord {
    key: u32,
    value: u64,
}

fn main() {}
