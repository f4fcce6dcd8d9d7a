use bpfmap::{BpfType, ResSpinLock, SpinLock};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Locked {
    one: SpinLock,
    other: ResSpinLock,
}

fn main() {}
