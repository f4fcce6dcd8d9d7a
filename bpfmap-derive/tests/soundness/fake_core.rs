//! `core` and the names of the prelude have other meanings.
#![forbid(unsafe_code)]

extern crate self as core;

pub mod mem {
    pub const fn size_of<T>() -> usize {
        4
    }
    #[macro_export]
    macro_rules! offset_of {
        ($ty:ty, tag) => {
            0
        };
        ($ty:ty, count) => {
            1
        };
    }
    pub use crate::offset_of;
}
pub mod primitive {
    pub use std::primitive::bool as u8;
}
#[macro_export]
macro_rules! compile_error {
    ($($all:tt)*) => {};
}

/// The derive finds what is wrong with it, and can say so to nobody.
#[derive(Clone, Copy, bpfmap::BpfType)]
#[repr(C)]
struct Truth {
    is_true: bool,
}

fn main() {
    let truth: Truth = bpfmap::from_bytes(&[7]).unwrap();
    println!("{:?}", truth.is_true);
}
