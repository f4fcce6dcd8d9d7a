use bpfmap::TypeDesc;
use bpfmap::{Map, MapSpec, kind};

enum Jumps {}
impl MapSpec for Jumps {
    type Kind = kind::ProgArray;
    type Key = u32;
    type Value = u32;
    const NAME: &'static str = "jumps";
    const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
    const VALUE_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
}

fn jump(jumps: &Map<Jumps>) {
    let _ = jumps.set(&1, 5);
}

fn main() {}
