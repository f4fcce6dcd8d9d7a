use bpfmap::{Map, MapSpec, kind::PercpuHash};

/// Returns the number of packets from a source, added up over all CPUs.
fn total<Packets>(packets: &Map<Packets>, source: u32) -> bpfmap::Result<u64>
where
    Packets: MapSpec<Kind = PercpuHash, Key = u32, Value = u64>,
{
    Ok(packets.lookup(&source)?.map_or(0, |counts| counts.iter().sum()))
}
