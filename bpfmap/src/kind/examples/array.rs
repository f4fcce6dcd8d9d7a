use bpfmap::{Map, MapSpec, UpdateMode, kind::Array};

/// Doubles each limit.
fn double<Limits>(limits: &Map<Limits>) -> bpfmap::Result<()>
where
    Limits: MapSpec<Kind = Array, Key = u32, Value = u64>,
{
    for entry in limits {
        let (index, limit) = entry?;
        limits.update(&index, &(limit * 2), UpdateMode::Any)?;
    }
    Ok(())
}
