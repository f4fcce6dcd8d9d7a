use bpfmap::{Bool, BpfType, Enum};

#[derive(Clone, Copy, BpfType)]
#[repr(u8)]
enum Verdict {
    Pass,
    Drop,
}

type Truth = Bool;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Wide {
    #[bpf(bits(verdict: Enum<Verdict> = 9))]
    bits0: [u8; 2],
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Truths {
    #[bpf(bits(truth: Truth = 2))]
    bits0: [u8; 1],
}

fn main() {}
