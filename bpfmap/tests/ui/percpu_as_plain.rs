use bpfmap::TypeDesc;
use bpfmap::{MapDef, Map, MapSpec, kind};

enum Counters {}
impl MapSpec for Counters {
    type Kind = kind::PercpuArray;
    type Key = u32;
    type Value = u64;
    const DEF: MapDef<'static> = kind::PercpuArray::def("counters", TypeDesc::U32, TypeDesc::U64);
}

fn read(counters: &Map<Counters>) -> bpfmap::Result<u64> {
    let count: Option<u64> = counters.lookup(&0)?;
    Ok(count.unwrap_or(0))
}

fn main() {}
