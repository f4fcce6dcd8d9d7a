use bpfmap::TypeDesc;
use bpfmap::{MapDef, Map, MapSpec, kind};

enum Stack {}
impl MapSpec for Stack {
    type Kind = kind::Stack;
    type Key = ();
    type Value = u64;
    const DEF: MapDef<'static> = kind::Stack::def("stack", TypeDesc::VOID, TypeDesc::U64);
}

fn update(stack: &Map<Stack>) {
    let _ = stack.update_batch(&[(), ()], &[1, 2]);
}

fn main() {}
