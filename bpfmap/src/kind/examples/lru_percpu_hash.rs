use bpfmap::{Map, MapSpec, kind::LruPercpuHash};

/// Returns the largest count that a single CPU has for a flow, or `None` if the flow was evicted.
fn most<Flows>(flows: &Map<Flows>, flow: u32) -> bpfmap::Result<Option<u64>>
where
    Flows: MapSpec<Kind = LruPercpuHash, Key = u32, Value = u64>,
{
    Ok(flows.lookup(&flow)?.and_then(|counts| counts.into_iter().max()))
}
