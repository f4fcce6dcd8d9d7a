use bpfmap::{Map, MapSpec, kind::Rhash};

/// Ends a session, and returns its count.
fn end<Sessions>(sessions: &Map<Sessions>, session: u32) -> bpfmap::Result<Option<u64>>
where
    Sessions: MapSpec<Kind = Rhash, Key = u32, Value = u64>,
{
    sessions.take(&session)
}
