//! A trait in scope has methods with the same names as the proof, for all types.
#![forbid(unsafe_code)]

trait Prove: Sized {
    fn member<T>(self, _: &str, _: usize) -> T {
        panic!()
    }
    fn struct_as_c<T>(self, _: usize) {}
}
impl<P> Prove for P {}

#[derive(Clone, Copy, bpfmap::BpfType)]
#[repr(C)]
struct Gap {
    tag: Tag,
    count: u32,
}

type Tag = u8;

fn main() {
    println!("{:?}", bpfmap::bytes_of(&Gap { tag: 1, count: 2 }));
}
