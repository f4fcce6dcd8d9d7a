use bpfmap::TypeDesc;
use bpfmap::{MapDef, Map, MapSpec, UpdateMode, kind};

enum Stacks {}
impl MapSpec for Stacks {
    type Kind = kind::StackTrace;
    type Key = u32;
    type Value = [u64; 127];
    const DEF: MapDef<'static> = kind::StackTrace::def("stacks", TypeDesc::U32, &TypeDesc::Array { element: TypeDesc::U64, len: 127 });
}

fn put(stacks: &Map<Stacks>) {
    let _ = stacks.update(&1, &[0; 127], UpdateMode::Any);
}

fn main() {}
