use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Stats {
    packets: u64,
    #[bpf(renamed_from = "packets")]
    rx_packets: u64,
}

fn main() {}
