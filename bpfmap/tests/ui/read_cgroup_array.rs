use bpfmap::TypeDesc;
use bpfmap::{Map, MapSpec, kind};

enum Gates {}
impl MapSpec for Gates {
    type Kind = kind::CgroupArray;
    type Key = u32;
    type Value = u32;
    const NAME: &'static str = "gates";
    const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
    const VALUE_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
}

fn gate(gates: &Map<Gates>) {
    let _ = gates.get(&1);
}

fn main() {}
