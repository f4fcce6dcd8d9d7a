use bpfmap::TypeDesc;
use bpfmap::{MapDef, Map, MapSpec, kind};

enum Flows {}
impl MapSpec for Flows {
    type Kind = kind::Hash;
    type Key = u32;
    type Value = u64;
    const DEF: MapDef<'static> = kind::Hash::def("flows", TypeDesc::U32, TypeDesc::U64);
}

fn read(flows: &Map<Flows>) {
    let _ = flows.lookup_locked(&1);
}

fn main() {}
