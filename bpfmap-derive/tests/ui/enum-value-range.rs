use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(transparent)]
#[bpf_type(variants(LOW = 1, HIGH = 256))]
struct Level(u8);

fn main() {}
