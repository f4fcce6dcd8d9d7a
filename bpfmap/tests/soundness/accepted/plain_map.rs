//! A correct spec that is written by hand.
#![forbid(unsafe_code)]

use bpfmap::TypeDesc;
use bpfmap::{MapDef, Map, MapSpec, kind};

enum Counters {}
impl MapSpec for Counters {
    type Kind = kind::PercpuArray;
    type Key = u32;
    type Value = u64;
    const DEF: MapDef<'static> = kind::PercpuArray::def("counters", TypeDesc::U32, TypeDesc::U64)
        .max_entries(1);
}

fn main() {
    let _ = Map::<Counters>::create().and_then(|counters| counters.lookup(&0));
}
