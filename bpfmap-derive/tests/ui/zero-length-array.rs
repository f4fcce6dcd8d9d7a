use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Flexible {
    data: [u32; 0],
    len: u32,
}

fn main() {}
