use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Flow {
    #[bpf(nam = "type")]
    kind: u32,
}

fn main() {}
