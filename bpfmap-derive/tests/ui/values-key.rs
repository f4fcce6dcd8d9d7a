use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(prog_array, max_entries = 2, values(2 = handle_ipv4))]
struct Jumps;

fn main() {}
