use bpfmap::{BpfType, Kptr};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Held {
    task: Kptr,
}

fn main() {}
