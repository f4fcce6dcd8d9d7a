use bpfmap::TypeDesc;
use bpfmap::{MapDef, EventSpec, Map, MapSpec, UpdateMode, kind};

enum Exits {}
impl MapSpec for Exits {
    type Kind = kind::Ringbuf;
    type Key = ();
    type Value = ();
    const DEF: MapDef<'static> = kind::Ringbuf::def("exits", TypeDesc::VOID, TypeDesc::VOID)
        .event(TypeDesc::U32);
}
impl EventSpec for Exits {
    type Event = u32;
}

fn update(exits: &Map<Exits>) {
    let _ = exits.update(&(), &(), UpdateMode::Any);
}

fn main() {}
