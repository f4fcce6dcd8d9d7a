use bpfmap::TypeDesc;
use bpfmap::{MapDef, Map, MapSpec, RingBuf, kind};

enum Flows {}
impl MapSpec for Flows {
    type Kind = kind::Hash;
    type Key = u32;
    type Value = u64;
    const DEF: MapDef<'static> = kind::Hash::def("flows", TypeDesc::U32, TypeDesc::U64);
}

fn read(flows: &Map<Flows>) {
    let _ = RingBuf::open(flows);
}

fn main() {}
