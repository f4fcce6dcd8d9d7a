use bpfmap::TypeDesc;
use bpfmap::{MapDef, Map, MapSpec, UpdateMode, kind};

enum Jumps {}
impl MapSpec for Jumps {
    type Kind = kind::ProgArray;
    type Key = u32;
    type Value = u32;
    const DEF: MapDef<'static> = kind::ProgArray::def("jumps", TypeDesc::U32, TypeDesc::U32);
}

fn jump(jumps: &Map<Jumps>) {
    let _ = jumps.update(&1, &5, UpdateMode::Any);
}

fn main() {}
