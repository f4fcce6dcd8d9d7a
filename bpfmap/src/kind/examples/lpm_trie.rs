use bpfmap::{Map, MapSpec, Plain, UpdateMode, kind::LpmTrie};

/// Stores the gateway of a network, and returns the gateway for an address.
fn route<Routes, Prefix>(routes: &Map<Routes>, network: Prefix, address: Prefix) -> bpfmap::Result<Option<u32>>
where
    // A key consists of the prefix length and the address. For a single address, the prefix length
    // is the length of the address.
    Prefix: Plain,
    Routes: MapSpec<Kind = LpmTrie, Key = Prefix, Value = u32>,
{
    routes.update(&network, &7, UpdateMode::Any)?;
    routes.lookup(&address)
}
