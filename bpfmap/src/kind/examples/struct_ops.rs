use bpfmap::{Map, MapSpec, StructOpsState, kind::StructOps};

/// Unregisters the programs if they are in use.
fn take_back<SlowStart>(slow_start: &Map<SlowStart>) -> bpfmap::Result<bool>
where
    SlowStart: MapSpec<Kind = StructOps, Key = u32>,
{
    let in_use = slow_start.registration()?.state == StructOpsState::InUse;
    Ok(in_use && slow_start.unregister()?)
}
