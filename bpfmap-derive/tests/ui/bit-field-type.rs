use bpfmap::{Be16, BpfType};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Header {
    #[bpf(bits(port: Be16 = 9))]
    bits0: [u8; 2],
}

fn main() {}
