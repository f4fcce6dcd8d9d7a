use bpfmap::{BpfType, SpinLock};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
union Either {
    lock: SpinLock,
    number: u32,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Locked {
    lock: SpinLock,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
union Outer {
    locked: Locked,
}

fn main() {}
