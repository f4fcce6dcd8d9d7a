use bpfmap::{Map, MapSpec, kind::PercpuHash};

/// The packets of a source that all CPUs have counted.
fn total<Packets>(packets: &Map<Packets>, source: u32) -> bpfmap::Result<u64>
where
    Packets: MapSpec<Kind = PercpuHash, Key = u32, Value = u64>,
{
    Ok(packets.lookup(&source)?.map_or(0, |counts| counts.iter().sum()))
}
