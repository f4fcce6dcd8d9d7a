use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Counts {
    packets: usize,
    share: f64,
}

fn main() {}
