//! The type of padding, or of bytes that store members, has the name of an integer.
#![forbid(unsafe_code)]

mod lies {
    #[derive(Clone, Copy, Debug)]
    #[repr(u8)]
    pub enum Byte {
        Zero,
    }
}
use lies::Byte as u8;

#[derive(Clone, Copy, bpfmap::BpfType)]
#[repr(C)]
struct Padded {
    count: u32,
    tag: u16,
    _pad: [u8; 2],
}

#[derive(Clone, Copy, bpfmap::BpfType)]
#[repr(C)]
struct OneByte {
    tag: u16,
    #[bpf(bits(_: u16 = 8))]
    bits0: u8,
    _pad: u8,
}

fn main() {
    let padded: Padded = bpfmap::from_bytes(&[0xff; 8]).unwrap();
    println!("{:?}", padded._pad);
    let byte: OneByte = bpfmap::from_bytes(&[0xff; 4]).unwrap();
    println!("{:?}", byte.bits0);
}
