use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct IpKey {
    int: u32,
}

fn main() {}
