use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(struct_ops)]
struct Congestion;

fn main() {}
