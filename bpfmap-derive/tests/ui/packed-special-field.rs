use bpfmap::{BpfType, SpinLock};

#[derive(Clone, Copy, BpfType)]
#[repr(C, packed)]
struct Locked {
    lock: SpinLock,
}

fn main() {}
