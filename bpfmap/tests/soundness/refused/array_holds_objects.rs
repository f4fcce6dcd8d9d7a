//! `set_batch` makes 8 bytes of each object: of a map with larger values, the kernel reads beyond them.
#![forbid(unsafe_code)]

use bpfmap::kind::{Array, HoldObjects};
use bpfmap::TypeDesc;
use bpfmap::{Map, MapSpec};

enum Blocks {}
impl MapSpec for Blocks {
    type Kind = Array;
    type Key = u32;
    type Value = [u64; 512];
    const NAME: &'static str = "blocks";
    const MAX_ENTRIES: Option<u32> = Some(1);
    const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
    const VALUE_LAYOUT: &'static TypeDesc<'static> = &TypeDesc::Opaque { size: 4096 };
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
