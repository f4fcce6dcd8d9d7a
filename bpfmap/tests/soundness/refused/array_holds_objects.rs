//! `set_batch` passes 8 bytes for each object. For larger values, the kernel would read beyond these bytes.
#![forbid(unsafe_code)]

use bpfmap::kind::{Array, HoldObjects};
use bpfmap::TypeDesc;
use bpfmap::{MapDef, Map, MapSpec};

enum Blocks {}
impl MapSpec for Blocks {
    type Kind = Array;
    type Key = u32;
    type Value = [u64; 512];
    const DEF: MapDef<'static> = Array::def("blocks", TypeDesc::U32, &TypeDesc::Opaque { size: 4096 })
        .max_entries(1);
}

impl HoldObjects<Blocks> for Array {
    type Object<'a> = u64;

    fn to_kernel(object: &u64) -> [u8; 8] {
        object.to_ne_bytes()
    }
}

fn main() {
    println!("{:?}", Map::<Blocks>::create().unwrap().set_batch(&[0], &[1]));
}
