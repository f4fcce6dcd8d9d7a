use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 8, key_size = 4)]
struct Kept<K, V> {
    key: K,
    value: V,
}

fn main() {}
