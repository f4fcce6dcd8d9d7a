use bpfmap::{Map, MapSpec, PidFd, kind::TaskStorage};
use std::os::fd::AsFd;

/// Removes the value of a process and returns it.
fn forget<Accounts>(accounts: &Map<Accounts>, process: u32) -> Result<Option<u64>, Box<dyn std::error::Error>>
where
    Accounts: MapSpec<Kind = TaskStorage, Key = u32, Value = u64>,
{
    let process = PidFd::open(process)?;
    let account = accounts.attached(PidFd::new(process.as_fd()))?;
    accounts.detach(PidFd::new(process.as_fd()))?;
    Ok(account)
}
