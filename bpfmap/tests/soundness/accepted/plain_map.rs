//! A spec by hand that is true.
#![forbid(unsafe_code)]

use bpfmap::TypeDesc;
use bpfmap::{Map, MapSpec, kind};

enum Counters {}
impl MapSpec for Counters {
    type Kind = kind::PercpuArray;
    type Key = u32;
    type Value = u64;
    const NAME: &'static str = "counters";
    const MAX_ENTRIES: Option<u32> = Some(1);
    const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
    const VALUE_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U64;
}

fn main() {
    let _ = Map::<Counters>::create().and_then(|counters| counters.lookup(&0));
}
