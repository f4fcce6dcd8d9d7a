use bpfmap::{BpfType, Timer};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Delayed {
    one: Timer,
    other: Timer,
}

fn main() {}
