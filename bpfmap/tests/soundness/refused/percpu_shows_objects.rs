//! `get` has room for one object: of a per-CPU map, the kernel writes a value of each CPU.
#![forbid(unsafe_code)]

use bpfmap::kind::{PercpuArray, ShowObjects};
use bpfmap::TypeDesc;
use bpfmap::{Map, MapSpec};

enum Counters {}
impl MapSpec for Counters {
    type Kind = PercpuArray;
    type Key = u32;
    type Value = u64;
    const NAME: &'static str = "counters";
    const MAX_ENTRIES: Option<u32> = Some(1);
    const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
    const VALUE_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U64;
}

impl ShowObjects<Counters> for PercpuArray {
    type Shown = u64;

    fn from_kernel(value: [u8; 8]) -> u64 {
        u64::from_ne_bytes(value)
    }
}

fn main() {
    println!("{:?}", Map::<Counters>::create().unwrap().get(&0));
}
