#[repr(C)]
struct Flow {
    packets: u32,
    bytes: u32,
}
bpfmap::plain_struct!(Flow { packets: u32 });

fn main() {}
