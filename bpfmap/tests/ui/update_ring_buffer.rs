use bpfmap::TypeDesc;
use bpfmap::{EventSpec, Map, MapSpec, UpdateMode, kind};

enum Exits {}
impl MapSpec for Exits {
    type Kind = kind::Ringbuf;
    type Key = ();
    type Value = ();
    const NAME: &'static str = "exits";
    const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::VOID;
    const VALUE_LAYOUT: &'static TypeDesc<'static> = TypeDesc::VOID;
    const EVENT_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
}
impl EventSpec for Exits {
    type Event = u32;
}

fn update(exits: &Map<Exits>) {
    let _ = exits.update(&(), &(), UpdateMode::Any);
}

fn main() {}
