use bpfmap::BpfMap;

const BYTES: u32 = 5000;

#[derive(BpfMap)]
#[bpf_map(ringbuf, max_entries = BYTES)]
struct Fits {
    event: [u8; 8184],
}

#[derive(BpfMap)]
#[bpf_map(ringbuf, max_entries = BYTES)]
struct TooLarge {
    event: [u8; 8185],
}

fn main() {}
