use bpfmap::TypeDesc;
use bpfmap::{InnerMap, Map, MapSpec, OuterMapSpec, kind};

enum Counters {}
impl MapSpec for Counters {
    type Kind = kind::Array;
    type Key = u32;
    type Value = u64;
    const NAME: &'static str = "counters";
    const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
    const VALUE_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U64;
}

enum Names {}
impl MapSpec for Names {
    type Kind = kind::Hash;
    type Key = u32;
    type Value = u64;
    const NAME: &'static str = "names";
    const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
    const VALUE_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U64;
}

enum Tenants {}
impl MapSpec for Tenants {
    type Kind = kind::HashOfMaps;
    type Key = u32;
    type Value = u32;
    const NAME: &'static str = "tenants";
    const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
    const VALUE_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
    const INNER: Option<InnerMap> = Some(InnerMap::of::<Counters>());
}

impl OuterMapSpec for Tenants {
    type Inner = Counters;
}

fn put(tenants: &Map<Tenants>, names: &Map<Names>) {
    let _ = tenants.set(&1, names);
}

fn main() {}
