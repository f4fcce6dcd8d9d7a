use bpfmap::{InsnOffsets, Map, MapSpec, UpdateMode, kind::InsnArray};

/// Requests the final offset of the fourth instruction of the program that will be loaded.
fn ask<Targets>(targets: &Map<Targets>) -> bpfmap::Result<()>
where
    Targets: MapSpec<Kind = InsnArray, Key = u32, Value = InsnOffsets>,
{
    targets.update(&0, &InsnOffsets::of(3), UpdateMode::Any)?;
    targets.freeze()
}
