//! Methods that each kernel of the schema has, and methods for which a program handles the error.

use bpfmap::{AnyKernel, KernelVersion, Map, MapDef, MapSpec, Result, TypeDesc, kind};

enum Flows {}

impl MapSpec for Flows {
    type Kind = kind::Hash;
    type Key = u32;
    type Value = u64;
    const DEF: MapDef<'static> = kind::Hash::def("flows", TypeDesc::U32, TypeDesc::U64)
        .max_entries(8)
        .min_kernel(KernelVersion::new(5, 10));
}

enum Newer {}

impl MapSpec for Newer {
    type Kind = kind::Hash;
    type Key = u32;
    type Value = u64;
    const DEF: MapDef<'static> = Flows::DEF.min_kernel(KernelVersion::new(5, 14));
}

/// The schema does not set `min_kernel`.
enum Open {}

impl MapSpec for Open {
    type Kind = kind::PercpuArray;
    type Key = u32;
    type Value = u64;
    const DEF: MapDef<'static> =
        kind::PercpuArray::def("open", TypeDesc::U32, TypeDesc::U64).max_entries(8);
}

fn uses(flows: Map<Flows>, newer: &Map<Newer>, open: &Map<Open>) -> Result<()> {
    flows.update_batch(&[1, 2], &[3, 4])?;
    flows.delete_batch(&[1])?;
    Map::<AnyKernel<Flows>>::from(flows).take(&2)?;
    newer.take(&2)?;
    open.update_all_cpus(&1, &2)
}

fn main() {
    // This program only has to compile. It needs no privilege to run.
    let _ = uses;
}
