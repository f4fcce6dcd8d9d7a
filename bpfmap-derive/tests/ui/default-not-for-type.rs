use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Session {
    started: u64,
    #[bpf(default = 32)]
    label: [u8; 8],
}

fn main() {}
