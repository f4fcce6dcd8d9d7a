use bpfmap::{Map, MapSpec, OuterMapSpec, kind};

/// Switches the programs to a new map for their counts. Returns the old map, which no longer
/// changes.
fn next_page<Pages, Counts>(pages: &Map<Pages>) -> bpfmap::Result<Option<Map<Counts>>>
where
    Pages: OuterMapSpec<Inner = Counts, Kind = kind::ArrayOfMaps, Key = u32>,
    Counts: MapSpec<Kind = kind::Array, Key = u32, Value = u64>,
{
    pages.swap(&0, &Map::create()?)
}
