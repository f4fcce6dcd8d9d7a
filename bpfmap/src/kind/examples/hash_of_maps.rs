use bpfmap::{Map, MapSpec, OuterMapSpec, kind};

/// Gives a tenant a map of its own, if it has none.
fn admit<Tenants, Counts>(tenants: &Map<Tenants>, tenant: u64) -> bpfmap::Result<bool>
where
    Tenants: OuterMapSpec<Inner = Counts, Kind = kind::HashOfMaps, Key = u64>,
    Counts: MapSpec<Kind = kind::Hash, Key = u32, Value = u64>,
{
    tenants.set_new(&tenant, &Map::create()?)
}
