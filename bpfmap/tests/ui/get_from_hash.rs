use bpfmap::TypeDesc;
use bpfmap::{MapDef, Map, MapSpec, kind};

enum Counts {}
impl MapSpec for Counts {
    type Kind = kind::Hash;
    type Key = u32;
    type Value = u64;
    const DEF: MapDef<'static> = kind::Hash::def("counts", TypeDesc::U32, TypeDesc::U64);
}

enum PerCpuCounts {}
impl MapSpec for PerCpuCounts {
    type Kind = kind::PercpuArray;
    type Key = u32;
    type Value = u64;
    const DEF: MapDef<'static> = kind::PercpuArray::def("counts", TypeDesc::U32, TypeDesc::U64);
}

fn read(counts: &Map<Counts>, per_cpu: &Map<PerCpuCounts>) {
    let _ = counts.get(&1);
    let _ = per_cpu.get(&1);
}

fn main() {}
