use bpfmap::layout::Layout;
use bpfmap::{Map, MapSpec, UpdateMode, kind};

enum Stacks {}
impl MapSpec for Stacks {
    type Kind = kind::StackTrace;
    type Key = u32;
    type Value = [u64; 127];
    const NAME: &'static str = "stacks";
    const KEY_LAYOUT: &'static Layout = Layout::U32;
    const VALUE_LAYOUT: &'static Layout = &Layout::Array { element: Layout::U64, len: 127 };
}

fn put(stacks: &Map<Stacks>) {
    let _ = stacks.update(&1, &[0; 127], UpdateMode::Any);
}

fn main() {}
