use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(template, prog_array, max_entries = 8)]
struct TenantsInner;

fn main() {}
