use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Flexible {
    data: [u32; 0],
}

fn main() {}
