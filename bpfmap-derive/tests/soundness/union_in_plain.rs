//! A union is passed to the macros for structs.
#![forbid(unsafe_code)]

#[derive(Clone, Copy)]
#[repr(C)]
struct Gap(u8, u16);

#[derive(Clone, Copy)]
#[repr(C)]
union Value {
    count: u32,
    gap: Gap,
}
bpfmap::plain!(Value { count: u32 });

mod with_traits {
    #[repr(C)]
    pub union Value {
        pub count: u32,
        pub gap: super::Gap,
    }
    bpfmap::plain_struct!(Value { count: u32 });
}

fn main() {
    println!("{:?}", bpfmap::bytes_of(&Value { gap: Gap(1, 2) }));
    println!("{:?}", bpfmap::bytes_of(&with_traits::Value { gap: Gap(1, 2) }));
}
