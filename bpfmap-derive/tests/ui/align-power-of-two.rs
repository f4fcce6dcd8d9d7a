use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(align = 24)]
struct Odd {
    address: u64,
}

fn main() {}
