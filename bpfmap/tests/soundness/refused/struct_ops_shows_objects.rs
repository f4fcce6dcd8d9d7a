//! The value of a `struct_ops` map has the size of a struct in the kernel, which a spec doesn't know.
#![forbid(unsafe_code)]

use bpfmap::kind::{HoldObjects, ShowObjects, StructOps};
use bpfmap::TypeDesc;
use bpfmap::{MapDef, Map, MapSpec};

enum SlowStart {}
impl MapSpec for SlowStart {
    type Kind = StructOps;
    type Key = u32;
    type Value = u64;
    const DEF: MapDef<'static> = StructOps::def("slow_start", TypeDesc::U32, TypeDesc::U64);
}

impl ShowObjects<SlowStart> for StructOps {
    type Shown = u64;

    fn from_kernel(value: [u8; 8]) -> u64 {
        u64::from_ne_bytes(value)
    }
}

impl HoldObjects<SlowStart> for StructOps {
    type Object<'a> = u64;

    fn to_kernel(object: &u64) -> [u8; 8] {
        object.to_ne_bytes()
    }
}

fn main() {
    println!("{:?}", Map::<SlowStart>::create().unwrap().get(&0));
}
