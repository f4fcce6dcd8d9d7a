use bpfmap::{Map, MapSpec, kind::LruHash};

/// Stores a flow, and returns whether the flow was new. A full map evicts an old flow.
fn remember<Flows>(flows: &Map<Flows>, flow: u32, now: u64) -> bpfmap::Result<bool>
where
    Flows: MapSpec<Kind = LruHash, Key = u32, Value = u64>,
{
    flows.insert(&flow, &now)
}
