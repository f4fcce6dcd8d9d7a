//! A macro below the derive aligns a newtype, which adds padding to the newtype.
#![forbid(unsafe_code)]

use bpfmap_test_rewrite::replace;

#[derive(Clone, Copy, bpfmap::BpfType)]
#[replace(#[repr(align(8))] struct Wide(u32);)]
#[repr(transparent)]
struct Wide(u32);

#[derive(Clone, Copy, bpfmap::BpfType)]
#[replace(#[repr(align(8))] struct Verdict(u32);)]
#[repr(transparent)]
#[bpf_type(variants(PASS = 0))]
struct Verdict(u32);

fn main() {
    println!("{:?} {:?}", bpfmap::bytes_of(&Wide(1)), bpfmap::bytes_of(&Verdict::PASS));
}
