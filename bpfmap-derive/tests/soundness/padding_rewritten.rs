//! A macro below the derive changes the type of the padding.
#![forbid(unsafe_code)]

use bpfmap_test_rewrite::replace;

#[derive(Clone, Copy, bpfmap::BpfType)]
#[replace(#[repr(C)] struct Tagged { count: u32, tag: u16, _pad: [bool; 2] })]
#[repr(C)]
struct Tagged {
    count: u32,
    tag: u16,
    _pad: [u8; 2],
}

fn main() {
    let tagged: Tagged = bpfmap::from_bytes(&[0xff; 8]).unwrap();
    println!("{:?}", tagged._pad);
}
