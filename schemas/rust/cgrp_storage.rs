//! Values that are attached to cgroups.

use bpfmap::{BpfMap, BpfMaps, BpfType, Map};

bpfmap::schema!(name = "cgrp_storage", min_kernel = "6.2");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Usage {
    pub events: u64,
    pub limit: u32,
    pub weight: u16,
    pub _pad0: [u8; 2],
}

#[derive(BpfMap)]
#[bpf_map(cgrp_storage, flags(no_prealloc))]
pub struct Usages {
    value: Usage,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub usages: Map<Usages>,
}
