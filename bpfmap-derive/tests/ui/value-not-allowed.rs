use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(ringbuf, max_entries = 4096)]
struct Counters {
    value: u64,
}

fn main() {}
