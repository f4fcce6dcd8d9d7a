use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(template, array, max_entries = 8, optional)]
struct TenantsInner {
    value: u64,
}

fn main() {}
