use bpfmap::{Map, MapSpec, ProgramFd, kind::ProgArray};
use std::os::fd::AsFd;

/// Stores a program at index 1. Tail calls to this index then run the program.
fn install<Jumps>(jumps: &Map<Jumps>, program: &impl AsFd) -> bpfmap::Result<()>
where
    Jumps: MapSpec<Kind = ProgArray, Key = u32, Value = u32>,
{
    jumps.set(&1, ProgramFd::new(program.as_fd()))?;
    if let Some(program) = jumps.get(&1)? {
        println!("tail calls to 1 run program {program}");
    }
    Ok(())
}
