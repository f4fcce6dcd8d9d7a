use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Session {
    #[bpf(default = 256)]
    state: u8,
}

fn main() {}
