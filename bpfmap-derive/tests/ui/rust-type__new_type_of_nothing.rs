use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(transparent)]
struct Unit;

#[derive(Clone, Copy, BpfType)]
#[repr(transparent)]
struct Empty {}

fn main() {}
