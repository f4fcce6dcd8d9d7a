use bpfmap::layout::Layout;
use bpfmap::{EventSpec, Map, MapSpec, UpdateMode, kind};

enum Exits {}
impl MapSpec for Exits {
    type Kind = kind::Ringbuf;
    type Key = ();
    type Value = ();
    const NAME: &'static str = "exits";
    const KEY_LAYOUT: &'static Layout = Layout::VOID;
    const VALUE_LAYOUT: &'static Layout = Layout::VOID;
    const EVENT_LAYOUT: &'static Layout = Layout::U32;
}
impl EventSpec for Exits {
    type Event = u32;
}

fn update(exits: &Map<Exits>) {
    let _ = exits.update(&(), &(), UpdateMode::Any);
}

fn main() {}
