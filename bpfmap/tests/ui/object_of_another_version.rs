//! An object from a different version of libbpf-rs than the version that bpfmap uses.

use bpfmap::{Map, MapDef, MapSpec, TypeDesc, kind};

mod libbpf_rs {
    pub struct Object;
}

enum Packets {}

impl MapSpec for Packets {
    type Kind = kind::Hash;
    type Key = u32;
    type Value = u64;
    const DEF: MapDef<'static> = kind::Hash::def("packets", TypeDesc::U32, TypeDesc::U64).max_entries(64);
}

fn main() {
    let _ = Map::<Packets>::from_object(&libbpf_rs::Object);
}
