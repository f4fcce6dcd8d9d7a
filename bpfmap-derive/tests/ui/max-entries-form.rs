use bpfmap::BpfMap;

const BYTES: u32 = 0;

#[derive(BpfMap)]
#[bpf_map(ringbuf, max_entries = 4_000_000_000)]
struct Direct;

#[derive(BpfMap)]
#[bpf_map(ringbuf, max_entries = BYTES)]
struct Elsewhere;

fn main() {}
