use bpfmap::layout::Layout;
use bpfmap::{Map, MapSpec, kind};

enum Counters {}
impl MapSpec for Counters {
    type Kind = kind::PercpuArray;
    type Key = u32;
    type Value = u64;
    const NAME: &'static str = "counters";
    const KEY_LAYOUT: &'static Layout = Layout::U32;
    const VALUE_LAYOUT: &'static Layout = Layout::U64;
}

fn read(counters: &Map<Counters>) -> bpfmap::Result<u64> {
    let count: Option<u64> = counters.lookup(&0)?;
    Ok(count.unwrap_or(0))
}

fn main() {}
