use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct IpKey {
    address: u32,
    #[bpf(name = "address")]
    other: u32,
}

fn main() {}
