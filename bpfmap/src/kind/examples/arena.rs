use bpfmap::{Map, MapSpec, kind::Arena};

/// Writes a number to the start of the arena, where programs can read it.
fn leave<Pool>(pool: &Map<Pool>, number: u64) -> bpfmap::Result<u64>
where
    Pool: MapSpec<Kind = Arena, Key = (), Value = ()>,
{
    let arena = pool.map_arena()?;
    let cell = arena.at::<u64>(0).expect("an arena has a page");
    cell.store(number);
    Ok(cell.load())
}
