//! `plain!` and `plain_enum!` get a type with a member whose type has no values.
#![forbid(unsafe_code)]

trait Returns {
    type Value;
}
impl<T> Returns for fn() -> T {
    type Value = T;
}
type Never = <fn() -> ! as Returns>::Value;

#[derive(Clone, Copy)]
#[repr(C)]
struct Flow {
    count: u32,
    never: Never,
}
bpfmap::plain!(Flow { count: u32, never: () });

#[derive(Clone, Copy)]
#[repr(transparent)]
struct Verdict(Never);
bpfmap::plain_enum!(Verdict(()) {});

fn main() {
    let flow: Flow = bpfmap::from_bytes(&[0; 4]).unwrap();
    flow.never
}
