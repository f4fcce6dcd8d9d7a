use bpfmap::{Map, MapSpec, PerCpu, UpdateMode, kind::PercpuArray};

/// Sets a counter to zero on each CPU, and returns the previous sum.
fn reset<Counters>(counters: &Map<Counters>, index: u32) -> bpfmap::Result<Option<u64>>
where
    Counters: MapSpec<Kind = PercpuArray, Key = u32, Value = u64>,
{
    let Some(counts) = counters.lookup(&index)? else { return Ok(None) };
    counters.update(&index, &PerCpu::zeroed()?, UpdateMode::Any)?;
    Ok(Some(counts.iter().sum()))
}
