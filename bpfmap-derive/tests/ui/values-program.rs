use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(prog_array, max_entries = 2, values(1 = jumps))]
struct Jumps;

fn main() {}
