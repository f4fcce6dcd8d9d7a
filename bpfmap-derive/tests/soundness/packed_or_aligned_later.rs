//! A macro below the derive adds an alignment, which adds padding.
#![forbid(unsafe_code)]

use bpfmap_test_rewrite::replace;

#[derive(Clone, Copy, bpfmap::BpfType)]
#[replace(#[repr(C, align(16))] struct Flow { count: u32 })]
#[repr(C)]
struct Flow {
    count: u32,
}

fn main() {
    println!("{:?}", bpfmap::bytes_of(&Flow { count: 1 }));
}
