use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Address {
    v6: [u32; 4],
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Flow {
    protocol: u8,
    address: Address,
}

fn main() {}
