//! Values for the cgroups to which a program is attached, for each CPU. This map type is deprecated; its successor is `cgrp_storage`.

use bpfmap::{BpfMap, BpfMaps, BpfType, Map};

bpfmap::schema!(name = "percpu_cgroup_storage", min_kernel = "5.10");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct CpuSent {
    pub packets: u64,
    pub bytes: u32,
    pub _pad0: [u8; 4],
}

#[derive(BpfMap)]
#[bpf_map(percpu_cgroup_storage)]
pub struct SentByCpu {
    key: u64,
    value: CpuSent,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub sent_by_cpu: Map<SentByCpu>,
}
