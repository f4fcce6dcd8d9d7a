use bpfmap::TypeDesc;
use bpfmap::{Map, MapSpec, kind};

enum Slots {}
impl MapSpec for Slots {
    type Kind = kind::Array;
    type Key = u32;
    type Value = u64;
    const NAME: &'static str = "slots";
    const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
    const VALUE_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U64;
}

fn delete(slots: &Map<Slots>) {
    let _ = slots.delete(&1);
}

fn main() {}
