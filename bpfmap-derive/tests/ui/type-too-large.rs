use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Large {
    bytes: [u8; 0x2000_0000],
}

fn main() {}
