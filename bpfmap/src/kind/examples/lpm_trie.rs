use bpfmap::{Map, MapSpec, Plain, UpdateMode, kind::LpmTrie};

/// Sends a network by a gateway, and says by which gateway an address then goes.
fn route<Routes, Prefix>(routes: &Map<Routes>, network: Prefix, address: Prefix) -> bpfmap::Result<Option<u32>>
where
    // A struct of the prefix length and the address; of the latter the length is that of the whole.
    Prefix: Plain,
    Routes: MapSpec<Kind = LpmTrie, Key = Prefix, Value = u32>,
{
    routes.update(&network, &7, UpdateMode::Any)?;
    routes.lookup(&address)
}
