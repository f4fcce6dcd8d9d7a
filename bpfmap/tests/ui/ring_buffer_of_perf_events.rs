use bpfmap::TypeDesc;
use bpfmap::{MapDef, EventSpec, Map, MapSpec, RingBuf, kind};

enum Exits {}
impl MapSpec for Exits {
    type Kind = kind::PerfEventArray;
    type Key = u32;
    type Value = u32;
    const DEF: MapDef<'static> = kind::PerfEventArray::def("exits", TypeDesc::U32, TypeDesc::U32)
        .event(TypeDesc::U32);
}
impl EventSpec for Exits {
    type Event = u32;
}

fn read(exits: &Map<Exits>) {
    let _ = RingBuf::open(exits);
}

fn main() {}
