//! The attribute `crate` names another crate, whose trait proves nothing.
#![forbid(unsafe_code)]

mod fake {
    pub use bpfmap::{BpfType, Plain, TypeDesc, storage};

    pub mod __private {
        pub use bpfmap::__private::{at, size};

        pub struct Prover;
        pub const fn member<T>(_: &str, _: usize) {}
        pub const fn struct_as_c<T>(_: &[()], _: bool, _: usize) {}
    }
}

#[allow(non_camel_case_types, reason = "it is to look like the integer")]
type u8 = bool;

#[derive(Clone, Copy, bpfmap::BpfType)]
#[repr(C)]
#[bpf_type(crate = crate::fake)]
struct Truth {
    #[bpf(char)]
    is_true: u8,
}

fn main() {
    let truth: Truth = bpfmap::from_bytes(&[7]).unwrap();
    println!("{:?}", truth.is_true);
}
