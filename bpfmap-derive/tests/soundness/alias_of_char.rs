//! The type of a newtype's member has the name of an integer.
#![forbid(unsafe_code)]

#[allow(non_camel_case_types, reason = "it is to look like the integer")]
type u8 = char;

#[derive(Clone, Copy, bpfmap::BpfType)]
#[repr(transparent)]
struct Text(#[bpf(char)] [u8; 4]);

fn main() {
    let text: Text = bpfmap::from_bytes(&[0xff; 16]).unwrap();
    println!("{:?}", text.0[0]);
}
