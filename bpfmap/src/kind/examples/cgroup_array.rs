use bpfmap::{CgroupFd, Map, MapSpec, kind::CgroupArray};
use std::{fs::File, os::fd::AsFd, path::Path};

/// Stores a cgroup, so that programs can test for membership in this cgroup.
fn watch<Gates>(gates: &Map<Gates>, cgroup: &Path) -> Result<(), Box<dyn std::error::Error>>
where
    Gates: MapSpec<Kind = CgroupArray, Key = u32, Value = u32>,
{
    let directory = File::open(cgroup)?;
    gates.set(&0, CgroupFd::new(directory.as_fd()))?;
    Ok(())
}
