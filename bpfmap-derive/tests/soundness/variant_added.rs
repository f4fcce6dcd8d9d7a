//! A macro below the derive adds a variant that the C enum does not have.
#![forbid(unsafe_code)]

use bpfmap_test_rewrite::replace;

#[derive(Clone, Copy, bpfmap::BpfType)]
#[replace(#[repr(u8)] enum Verdict { Pass, Drop })]
#[repr(u8)]
enum Verdict {
    Pass,
}

fn main() {
    let _ = bpfmap::Enum::new(Verdict::Drop);
}
