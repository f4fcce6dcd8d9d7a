use bpfmap::TypeDesc;
use bpfmap::{MapDef, EventSpec, MapSpec, RingBuf, kind};

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

fn read(exits: &mut RingBuf<Exits>) -> bpfmap::Result<Option<&u64>> {
    exits.read()
}

fn main() {}
