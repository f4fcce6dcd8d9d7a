use bpfmap::TypeDesc;
use bpfmap::{MapDef, Map, MapFlags, MapSpec, kind};

enum Accounts {}
impl MapSpec for Accounts {
    type Kind = kind::TaskStorage;
    type Key = u32;
    type Value = u64;
    const DEF: MapDef<'static> = kind::TaskStorage::def("accounts", TypeDesc::U32, TypeDesc::U64)
        .flags(MapFlags::NO_PREALLOC);
}

fn attach(accounts: &Map<Accounts>) {
    let _ = accounts.attach(7, &1);
    let _ = accounts.update(&7, &1, bpfmap::UpdateMode::Any);
}

fn main() {}
