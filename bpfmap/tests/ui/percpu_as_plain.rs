use bpfmap::TypeDesc;
use bpfmap::{Map, MapSpec, kind};

enum Counters {}
impl MapSpec for Counters {
    type Kind = kind::PercpuArray;
    type Key = u32;
    type Value = u64;
    const NAME: &'static str = "counters";
    const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
    const VALUE_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U64;
}

fn read(counters: &Map<Counters>) -> bpfmap::Result<u64> {
    let count: Option<u64> = counters.lookup(&0)?;
    Ok(count.unwrap_or(0))
}

fn main() {}
