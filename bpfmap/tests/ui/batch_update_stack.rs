use bpfmap::TypeDesc;
use bpfmap::{Map, MapSpec, kind};

enum Stack {}
impl MapSpec for Stack {
    type Kind = kind::Stack;
    type Key = ();
    type Value = u64;
    const NAME: &'static str = "stack";
    const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::VOID;
    const VALUE_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U64;
}

fn update(stack: &Map<Stack>) {
    let _ = stack.update_batch(&[(), ()], &[1, 2]);
}

fn main() {}
