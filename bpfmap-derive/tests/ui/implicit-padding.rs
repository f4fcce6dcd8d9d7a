use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Flow {
    protocol: u8,
    address: u32,
    port: u16,
}

fn main() {}
