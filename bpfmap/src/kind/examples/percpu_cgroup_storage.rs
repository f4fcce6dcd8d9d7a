use bpfmap::{Map, MapSpec, kind::PercpuCgroupStorage};
use std::{fs, os::unix::fs::MetadataExt, path::Path};

/// Returns the count of a program that is attached to a cgroup, added up over all CPUs.
fn counted<Sent>(sent: &Map<Sent>, cgroup: &Path) -> Result<u64, Box<dyn std::error::Error>>
where
    Sent: MapSpec<Kind = PercpuCgroupStorage, Key = u64, Value = u64>,
{
    let counts = sent.lookup(&fs::metadata(cgroup)?.ino())?;
    Ok(counts.map_or(0, |counts| counts.iter().sum()))
}
