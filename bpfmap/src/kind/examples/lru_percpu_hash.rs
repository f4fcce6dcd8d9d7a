use bpfmap::{Map, MapSpec, kind::LruPercpuHash};

/// The most that one CPU has counted of a flow, unless it was forgotten.
fn most<Flows>(flows: &Map<Flows>, flow: u32) -> bpfmap::Result<Option<u64>>
where
    Flows: MapSpec<Kind = LruPercpuHash, Key = u32, Value = u64>,
{
    Ok(flows.lookup(&flow)?.and_then(|counts| counts.into_iter().max()))
}
