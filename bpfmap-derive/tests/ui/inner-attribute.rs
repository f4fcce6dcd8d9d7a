use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(template, array, max_entries = 8, pinning = by_name)]
struct TenantsInner {
    value: u64,
}

fn main() {}
