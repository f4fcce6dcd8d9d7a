use bpfmap::{Map, MapSpec, kind::Arena};

/// Leaves a number for programs at the start of the arena.
fn leave<Pool>(pool: &Map<Pool>, number: u64) -> bpfmap::Result<u64>
where
    Pool: MapSpec<Kind = Arena, Key = (), Value = ()>,
{
    let arena = pool.map_arena()?;
    let cell = arena.at::<u64>(0).expect("an arena has a page");
    cell.store(number);
    Ok(cell.load())
}
