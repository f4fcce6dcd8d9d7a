use bpfmap::TypeDesc;
use bpfmap::{MapDef, Map, MapSpec, kind};

enum Gates {}
impl MapSpec for Gates {
    type Kind = kind::CgroupArray;
    type Key = u32;
    type Value = u32;
    const DEF: MapDef<'static> = kind::CgroupArray::def("gates", TypeDesc::U32, TypeDesc::U32);
}

fn gate(gates: &Map<Gates>) {
    let _ = gates.get(&1);
}

fn main() {}
