#[derive(Clone, Copy)]
#[repr(C)]
struct Gap {
    tag: u8,
    count: u32,
}
bpfmap::plain!(Gap { tag: u8, count: u32 });

fn main() {}
