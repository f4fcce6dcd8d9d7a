use bpfmap::{CgroupFd, Map, MapSpec, kind::CgrpStorage};
use std::{fs::File, os::fd::AsFd, path::Path};

/// Sets the weight of a cgroup, and replaces an existing weight.
fn weigh<Weights>(weights: &Map<Weights>, cgroup: &Path) -> Result<(), Box<dyn std::error::Error>>
where
    Weights: MapSpec<Kind = CgrpStorage, Key = u32, Value = u64>,
{
    let directory = File::open(cgroup)?;
    weights.attach(CgroupFd::new(directory.as_fd()), &7)?;
    Ok(())
}
