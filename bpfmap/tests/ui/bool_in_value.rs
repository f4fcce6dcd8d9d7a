#[derive(Clone, Copy)]
#[repr(C)]
struct Flag {
    on: bool,
}
bpfmap::plain!(Flag { on: bool });

fn main() {}
