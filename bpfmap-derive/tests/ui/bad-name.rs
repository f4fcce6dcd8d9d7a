use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(name = "ip-key")]
struct IpKey {
    address: u32,
}

fn main() {}
