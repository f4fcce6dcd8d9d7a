use bpfmap::BpfMap;

const BYTES: u32 = 5000;

#[derive(BpfMap)]
#[bpf_map(ringbuf, max_entries = 5000)]
struct Direct;

#[derive(BpfMap)]
#[bpf_map(ringbuf, max_entries = BYTES)]
struct Elsewhere;

fn main() {}
