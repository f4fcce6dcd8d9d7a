use bpfmap::{Map, MapSpec, kind::StackTrace};

/// Prints and deletes the stack that a program has recorded under an id.
fn print<Stacks>(stacks: &Map<Stacks>, id: u32) -> bpfmap::Result<bool>
where
    Stacks: MapSpec<Kind = StackTrace, Key = u32, Value = [u64; 127]>,
{
    for address in stacks.addresses(&id)?.unwrap_or_default() {
        println!("{address:#x}");
    }
    stacks.delete(&id)
}
