//! A `struct_ops` map must not pass as a map of maps, because opening would read a value of unknown size.
#![forbid(unsafe_code)]

use bpfmap::TypeDesc;
use bpfmap::{MapDef, Map, MapSpec, kind};

enum Counters {}
impl MapSpec for Counters {
    type Kind = kind::Array;
    type Key = u32;
    type Value = u64;
    const DEF: MapDef<'static> = kind::Array::def("counters", TypeDesc::U32, TypeDesc::U64)
        .max_entries(1);
}

enum SlowStart {}
impl MapSpec for SlowStart {
    type Kind = kind::StructOps;
    type Key = u32;
    type Value = u32;
    const DEF: MapDef<'static> = kind::StructOps::def("slow_start", TypeDesc::U32, TypeDesc::U32)
        .inner(&Counters::DEF);
}

fn main() {
    let _ = Map::<SlowStart>::from_pinned("/sys/fs/bpf/slow_start");
}
