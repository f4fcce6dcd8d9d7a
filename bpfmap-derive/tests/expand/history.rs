use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Stats {
    #[bpf(renamed_from = "packets")]
    rx_packets: u64,
    #[bpf(default = 0)]
    version: u32,
    // Zero is not what older entries mean, so an older map does not open.
    #[bpf(default = 100)]
    limit: u16,
    #[bpf(bits(#[bpf(renamed_from = "kind", default = 0)] class: u8 = 4))]
    bits0: [u8; 1],
    _pad0: [u8; 1],
}
