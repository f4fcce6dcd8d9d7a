//! A macro below the derive adds a field whose type has no values.
#![forbid(unsafe_code)]

use bpfmap_test_rewrite::replace;

#[derive(Clone, Copy, bpfmap::BpfType)]
#[replace(#[repr(C)] struct Flow { count: u32, never: core::convert::Infallible })]
#[repr(C)]
struct Flow {
    count: u32,
}

fn main() {
    let flow: Flow = bpfmap::from_bytes(&[0xff; 4]).unwrap();
    match flow.never {}
}
