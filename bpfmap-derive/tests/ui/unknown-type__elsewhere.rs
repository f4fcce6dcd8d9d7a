use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Counts {
    verdict: Verdict,
}

#[derive(Clone, Copy, BpfType)]
#[repr(u32)]
enum Verdict {
    Pass,
}

fn main() {}
