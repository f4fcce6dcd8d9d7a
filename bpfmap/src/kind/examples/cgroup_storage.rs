use bpfmap::{Map, MapSpec, kind::CgroupStorage};
use std::{fs, os::unix::fs::MetadataExt, path::Path};

/// Returns the count of a program that is attached to a cgroup.
fn counted<Sent>(sent: &Map<Sent>, cgroup: &Path) -> Result<Option<u64>, Box<dyn std::error::Error>>
where
    Sent: MapSpec<Kind = CgroupStorage, Key = u64, Value = u64>,
{
    Ok(sent.lookup(&fs::metadata(cgroup)?.ino())?)
}
