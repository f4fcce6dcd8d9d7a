use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Node {
    next: [Node; 2],
}

fn main() {}
