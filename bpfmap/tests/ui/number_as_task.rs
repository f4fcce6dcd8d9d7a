use bpfmap::TypeDesc;
use bpfmap::{Map, MapFlags, MapSpec, kind};

enum Accounts {}
impl MapSpec for Accounts {
    type Kind = kind::TaskStorage;
    type Key = u32;
    type Value = u64;
    const NAME: &'static str = "accounts";
    const FLAGS: MapFlags = MapFlags::NO_PREALLOC;
    const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
    const VALUE_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U64;
}

fn attach(accounts: &Map<Accounts>) {
    let _ = accounts.attach(7, &1);
    let _ = accounts.update(&7, &1, bpfmap::UpdateMode::Any);
}

fn main() {}
