use bpfmap::TypeDesc;
use bpfmap::{Map, MapSpec, UpdateMode, kind};

enum Stacks {}
impl MapSpec for Stacks {
    type Kind = kind::StackTrace;
    type Key = u32;
    type Value = [u64; 127];
    const NAME: &'static str = "stacks";
    const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
    const VALUE_LAYOUT: &'static TypeDesc<'static> = &TypeDesc::Array { element: TypeDesc::U64, len: 127 };
}

fn put(stacks: &Map<Stacks>) {
    let _ = stacks.update(&1, &[0; 127], UpdateMode::Any);
}

fn main() {}
