use bpfmap::TypeDesc;
use bpfmap::{InterfaceIndex, Map, MapSpec, UpdateMode, kind};

enum Ports {}
impl MapSpec for Ports {
    type Kind = kind::Devmap;
    type Key = u32;
    type Value = u32;
    const NAME: &'static str = "ports";
    const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
    const VALUE_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
}

fn put(ports: &Map<Ports>, interface: InterfaceIndex) {
    let _ = ports.set(&0, 2_u32);
    let _ = ports.update(&0, &2, UpdateMode::Any);
    let _ = ports.set_new(&0, interface);
}

fn main() {}
