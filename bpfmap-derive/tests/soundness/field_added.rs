//! A macro below the derive adds a field in place of the padding at the end.
#![forbid(unsafe_code)]

use bpfmap_test_rewrite::replace;

#[derive(Clone, Copy, bpfmap::BpfType)]
#[replace(#[repr(C)] struct Flow { count: u32, nothing: Option<core::convert::Infallible> })]
#[repr(C)]
struct Flow {
    count: u32,
}

fn main() {
    let flow: Flow = bpfmap::from_bytes(&[0xff; 4]).unwrap();
    println!("{} {:?}", flow.count, flow.nothing);
}
