use bpfmap::{Map, MapSpec, kind::InodeStorage};
use std::fs::File;

/// Marks a file. Returns `false` if the file is already marked.
fn mark<Marks>(marks: &Map<Marks>, file: &File) -> bpfmap::Result<bool>
where
    Marks: MapSpec<Kind = InodeStorage, Key = u32, Value = u64>,
{
    marks.attach_new(file, &1)
}
