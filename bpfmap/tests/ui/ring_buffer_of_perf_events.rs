use bpfmap::TypeDesc;
use bpfmap::{EventSpec, Map, MapSpec, RingBuf, kind};

enum Exits {}
impl MapSpec for Exits {
    type Kind = kind::PerfEventArray;
    type Key = u32;
    type Value = u32;
    const NAME: &'static str = "exits";
    const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
    const VALUE_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
    const EVENT_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
}
impl EventSpec for Exits {
    type Event = u32;
}

fn read(exits: &Map<Exits>) {
    let _ = RingBuf::open(exits);
}

fn main() {}
