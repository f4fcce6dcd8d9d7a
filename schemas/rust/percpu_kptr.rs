//! Values that own per-CPU memory, which programs allocate.

use bpfmap::{BpfMap, BpfMaps, BpfType, CharArray, Kptr, Map};

bpfmap::schema!(name = "percpu_kptr", min_kernel = "6.7");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Tally {
    pub hits: u64,
    pub misses: u64,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Tallied {
    #[bpf(percpu_kptr = Tally)]
    pub tally: Kptr,
    pub label: CharArray<8>,
}

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 2)]
pub struct Tallies {
    value: Tallied,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub tallies: Map<Tallies>,
}
