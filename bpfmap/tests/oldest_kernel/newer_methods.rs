//! Methods that need a newer kernel than the `min_kernel` of the schema.

use bpfmap::{KernelVersion, Map, MapDef, MapSpec, PerCpu, TypeDesc, kind};

enum Flows {}

impl MapSpec for Flows {
    type Kind = kind::Hash;
    type Key = u32;
    type Value = u64;
    const DEF: MapDef<'static> = kind::Hash::def("flows", TypeDesc::U32, TypeDesc::U64)
        .max_entries(8)
        .min_kernel(KernelVersion::new(5, 10));
}

enum Totals {}

impl MapSpec for Totals {
    type Kind = kind::PercpuArray;
    type Key = u32;
    type Value = u64;
    const DEF: MapDef<'static> = kind::PercpuArray::def("totals", TypeDesc::U32, TypeDesc::U64)
        .max_entries(8)
        .min_kernel(KernelVersion::new(5, 10));
}

fn main() -> bpfmap::Result<()> {
    let flows = Map::<Flows>::create()?;
    flows.take(&1)?;
    flows.take_into(&1, &mut 0)?;
    let totals = Map::<Totals>::create()?;
    totals.update_batch(&[1], &[PerCpu::splat(1)?])?;
    totals.lookup_on(&1, 0)?;
    totals.update_on(&1, 0, &1)?;
    totals.update_all_cpus(&1, &1)?;
    Ok(())
}
