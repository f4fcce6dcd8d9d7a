//! A macro below the derive changes the type of a field.
#![forbid(unsafe_code)]

use bpfmap_test_rewrite::replace;

#[derive(Clone, Copy, bpfmap::BpfType)]
#[replace(#[repr(C)] struct Name { letter: char })]
#[repr(C)]
struct Name {
    letter: u32,
}

fn main() {
    let name: Name = bpfmap::from_bytes(&[0xff; 4]).unwrap();
    println!("{:?}", name.letter);
}
