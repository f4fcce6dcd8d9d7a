use bpfmap::TypeDesc;
use bpfmap::{MapDef, Map, MapSpec, OuterMapSpec, kind};

enum Counters {}
impl MapSpec for Counters {
    type Kind = kind::Array;
    type Key = u32;
    type Value = u64;
    const DEF: MapDef<'static> = kind::Array::def("counters", TypeDesc::U32, TypeDesc::U64);
}

enum Names {}
impl MapSpec for Names {
    type Kind = kind::Hash;
    type Key = u32;
    type Value = u64;
    const DEF: MapDef<'static> = kind::Hash::def("names", TypeDesc::U32, TypeDesc::U64);
}

enum Tenants {}
impl MapSpec for Tenants {
    type Kind = kind::HashOfMaps;
    type Key = u32;
    type Value = u32;
    const DEF: MapDef<'static> = kind::HashOfMaps::def("tenants", TypeDesc::U32, TypeDesc::U32)
        .inner(&Counters::DEF);
}

impl OuterMapSpec for Tenants {
    type Inner = Counters;
}

fn put(tenants: &Map<Tenants>, names: &Map<Names>) {
    let _ = tenants.set(&1, names);
}

fn main() {}
