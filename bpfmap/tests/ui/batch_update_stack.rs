use bpfmap::layout::Layout;
use bpfmap::{Map, MapSpec, kind};

enum Stack {}
impl MapSpec for Stack {
    type Kind = kind::Stack;
    type Key = ();
    type Value = u64;
    const NAME: &'static str = "stack";
    const KEY_LAYOUT: &'static Layout = Layout::VOID;
    const VALUE_LAYOUT: &'static Layout = Layout::U64;
}

fn update(stack: &Map<Stack>) {
    let _ = stack.update_batch(&[(), ()], &[1, 2]);
}

fn main() {}
