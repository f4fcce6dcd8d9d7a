use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Nothing {}

fn main() {}
