//! A union contains unnamed bit-fields, whose bytes no member covers.
#![forbid(unsafe_code)]

#[allow(non_camel_case_types, reason = "it is to look like the integer")]
type u8 = bool;

#[derive(Clone, Copy, bpfmap::BpfType)]
#[repr(C)]
union Flags {
    all: u32,
    #[bpf(bits(_: u32 = 32))]
    bits0: [u8; 4],
}

fn main() {
    let _: Flags = bpfmap::from_bytes(&[0xff; 4]).unwrap();
}
