//! A macro below the derive changes a struct with one member to a union.
#![forbid(unsafe_code)]

use bpfmap_test_rewrite::replace;

#[derive(Clone, Copy)]
#[repr(C, align(4))]
struct Gap(u8);

#[derive(Clone, Copy, bpfmap::BpfType)]
#[replace(#[repr(C)] union Flow { count: u32, gap: Gap })]
#[repr(C)]
struct Flow {
    count: u32,
}

fn main() {
    let flow = Flow { gap: Gap(1) };
    println!("{:?}", bpfmap::bytes_of(&flow));
}
