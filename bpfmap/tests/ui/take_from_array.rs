use bpfmap::TypeDesc;
use bpfmap::{MapDef, Map, MapSpec, kind};

enum Slots {}
impl MapSpec for Slots {
    type Kind = kind::Array;
    type Key = u32;
    type Value = u64;
    const DEF: MapDef<'static> = kind::Array::def("slots", TypeDesc::U32, TypeDesc::U64);
}

fn take(slots: &Map<Slots>) {
    let _ = slots.take(&1);
    let _ = slots.drain();
    let _ = slots.insert(&1, &2);
}

fn main() {}
