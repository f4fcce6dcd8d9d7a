use bpfmap::{Map, MapSpec, kind::Stack};

/// Removes the most recently freed port from the stack, and returns it.
fn free_port<Ports>(ports: &Map<Ports>) -> bpfmap::Result<Option<u16>>
where
    Ports: MapSpec<Kind = Stack, Key = (), Value = u16>,
{
    ports.pop()
}
