use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(u32)]
#[bpf_type(tag = "user")]
enum Verdict {
    Pass = 0,
    Drop = 1,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Key {
    #[bpf(tag = "")]
    id: u32,
}

fn main() {}
