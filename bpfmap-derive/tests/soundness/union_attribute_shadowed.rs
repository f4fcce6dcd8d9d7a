//! A macro has the name of an attribute of the language or of a helper attribute of the derives.
#![forbid(unsafe_code)]

#[derive(Clone, Copy)]
#[repr(C)]
struct Gap(u8, u16);

mod of_the_language {
    use super::Gap;
    use bpfmap_test_rewrite::replace as doc;

    #[derive(Clone, Copy, bpfmap::BpfType)]
    #[repr(C)]
    #[doc(#[repr(C)] pub union Value { pub count: u32, pub gap: Gap })]
    pub union Value {
        pub count: u32,
    }
}

mod of_the_derive {
    use super::Gap;
    use bpfmap_test_rewrite::replace as bpf_type;

    #[derive(Clone, Copy, bpfmap::BpfType)]
    #[repr(C)]
    #[bpf_type(name = "value")]
    pub union Value {
        pub count: u32,
    }
}

fn main() {
    println!("{:?}", bpfmap::bytes_of(&of_the_language::Value { gap: Gap(1, 2) }));
    println!("{:?}", bpfmap::bytes_of(&of_the_derive::Value { gap: Gap(1, 2) }));
}
