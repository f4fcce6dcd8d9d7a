use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct V6 {
    words: [u32; 4],
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
union Address {
    v4: u32,
    v6: V6,
}

fn main() {}
