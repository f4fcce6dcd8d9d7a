use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
struct Flow {
    address: u32,
}

#[derive(Clone, Copy, BpfType)]
enum Verdict {
    Pass,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Bits {
    #[bpf(bits(a: u32 = 3))]
    bits0: [u8; 4],
}

fn main() {}
