use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
union Address {
    v4: u32,
    v6: [u32; 4],
}

fn main() {}
