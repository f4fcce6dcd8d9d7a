use bpfmap::TypeDesc;
use bpfmap::{MapDef, Map, MapSpec, kind};

enum Slots {}
impl MapSpec for Slots {
    type Kind = kind::Array;
    type Key = u32;
    type Value = u64;
    const DEF: MapDef<'static> = kind::Array::def("slots", TypeDesc::U32, TypeDesc::U64);
}

fn delete(slots: &Map<Slots>) {
    let _ = slots.delete(&1);
}

fn main() {}
