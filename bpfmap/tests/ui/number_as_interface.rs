use bpfmap::TypeDesc;
use bpfmap::{MapDef, InterfaceIndex, Map, MapSpec, UpdateMode, kind};

enum Ports {}
impl MapSpec for Ports {
    type Kind = kind::Devmap;
    type Key = u32;
    type Value = u32;
    const DEF: MapDef<'static> = kind::Devmap::def("ports", TypeDesc::U32, TypeDesc::U32);
}

fn put(ports: &Map<Ports>, interface: InterfaceIndex) {
    let _ = ports.set(&0, 2_u32);
    let _ = ports.update(&0, &2, UpdateMode::Any);
    let _ = ports.set_new(&0, interface);
}

fn main() {}
