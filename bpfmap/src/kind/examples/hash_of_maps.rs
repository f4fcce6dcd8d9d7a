use bpfmap::{Map, MapSpec, OuterMapSpec, kind};

/// Creates a map for a tenant. Returns `false` if the tenant already has a map.
fn admit<Tenants, Counts>(tenants: &Map<Tenants>, tenant: u64) -> bpfmap::Result<bool>
where
    Tenants: OuterMapSpec<Inner = Counts, Kind = kind::HashOfMaps, Key = u64>,
    Counts: MapSpec<Kind = kind::Hash, Key = u32, Value = u64>,
{
    tenants.set_new(&tenant, &Map::create()?)
}
