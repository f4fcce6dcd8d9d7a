//! A macro below the derive adds a member with padding to a union.
#![forbid(unsafe_code)]

use bpfmap_test_rewrite::replace;
use bpfmap_test_rewrite::replace as derive_more;

#[derive(Clone, Copy)]
#[repr(C)]
struct Gap(u8, u16);

#[derive(Clone, Copy, bpfmap::BpfType)]
#[replace(#[repr(C)] union Value { count: u32, gap: Gap })]
#[repr(C)]
union Value {
    count: u32,
}

mod by_condition {
    use super::{Gap, derive_more};

    #[derive(Clone, Copy, bpfmap::BpfType)]
    #[cfg_attr(all(), derive_more(#[repr(C)] pub union Value { pub count: u32, pub gap: Gap }))]
    #[repr(C)]
    pub union Value {
        pub count: u32,
    }
}

mod by_the_name_of_derive {
    use super::Gap;
    use bpfmap_test_rewrite::replace as derive;

    #[::core::prelude::v1::derive(Clone, Copy, bpfmap::BpfType)]
    #[derive(#[repr(C)] pub union Value { pub count: u32, pub gap: Gap })]
    #[repr(C)]
    pub union Value {
        pub count: u32,
    }
}

fn main() {
    println!("{:?}", bpfmap::bytes_of(&Value { gap: Gap(1, 2) }));
    println!("{:?}", bpfmap::bytes_of(&by_condition::Value { gap: Gap(1, 2) }));
    println!("{:?}", bpfmap::bytes_of(&by_the_name_of_derive::Value { gap: Gap(1, 2) }));
}
