use bpfmap::TypeDesc;
use bpfmap::{Map, MapSpec, kind};

enum Flows {}
impl MapSpec for Flows {
    type Kind = kind::Hash;
    type Key = u32;
    type Value = u64;
    const NAME: &'static str = "flows";
    const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
    const VALUE_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U64;
}

fn read(flows: &Map<Flows>) {
    let _ = flows.lookup_locked(&1);
}

fn main() {}
