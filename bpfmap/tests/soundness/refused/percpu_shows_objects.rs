//! `get` has space for one object, but in a per-CPU map the kernel writes a value for each CPU.
#![forbid(unsafe_code)]

use bpfmap::kind::{PercpuArray, ShowObjects};
use bpfmap::TypeDesc;
use bpfmap::{MapDef, Map, MapSpec};

enum Counters {}
impl MapSpec for Counters {
    type Kind = PercpuArray;
    type Key = u32;
    type Value = u64;
    const DEF: MapDef<'static> = PercpuArray::def("counters", TypeDesc::U32, TypeDesc::U64)
        .max_entries(1);
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
