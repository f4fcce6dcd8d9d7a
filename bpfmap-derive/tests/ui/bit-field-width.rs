use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Header {
    #[bpf(bits(version: u8 = 9))]
    bits0: [u8; 2],
}

fn main() {}
