//! Opening a map of maps reads a value: a struct of programs, whose value no spec knows the size of, must not pass as one.
#![forbid(unsafe_code)]

use bpfmap::TypeDesc;
use bpfmap::{InnerMap, Map, MapSpec, kind};

enum Counters {}
impl MapSpec for Counters {
    type Kind = kind::Array;
    type Key = u32;
    type Value = u64;
    const NAME: &'static str = "counters";
    const MAX_ENTRIES: Option<u32> = Some(1);
    const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
    const VALUE_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U64;
}

enum SlowStart {}
impl MapSpec for SlowStart {
    type Kind = kind::StructOps;
    type Key = u32;
    type Value = u32;
    const NAME: &'static str = "slow_start";
    const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
    const VALUE_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
    const INNER: Option<InnerMap> = Some(InnerMap::of::<Counters>());
}

fn main() {
    let _ = Map::<SlowStart>::from_pinned("/sys/fs/bpf/slow_start");
}
