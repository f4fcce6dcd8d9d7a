use bpfmap::{Map, MapSpec, UpdateMode, kind::Hash};

/// Adds one to the number of packets from a source, and returns the new number.
fn count<Packets>(packets: &Map<Packets>, source: u32) -> bpfmap::Result<u64>
where
    Packets: MapSpec<Kind = Hash, Key = u32, Value = u64>,
{
    let seen = packets.lookup(&source)?.unwrap_or(0) + 1;
    packets.update(&source, &seen, UpdateMode::Any)?;
    Ok(seen)
}
