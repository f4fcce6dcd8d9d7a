use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(u8)]
enum Verdict {
    Pass,
    #[bpf(name = "PASS")]
    Other,
}

fn main() {}
