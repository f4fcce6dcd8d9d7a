use bpfmap::BpfType;

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Flow {
    name: &'static [u8],
    sure: bool,
    letter: char,
    pair: (u32, u32),
    perhaps: Option<u32>,
}

#[derive(Clone, Copy, BpfType)]
#[repr(u32)]
enum Verdict {
    Pass,
    Redirect(u32),
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
struct Generic<T> {
    value: T,
}

fn main() {}
