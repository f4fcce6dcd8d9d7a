use bpfmap::{BpfType, SpinLock};

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Counter {
    lock: SpinLock,
    #[bpf(bits(state: u8 = 3, level: u8 = 5))]
    bits0: [u8; 1],
    _pad: [u8; 3],
}

fn main() {}
