//! Hash tables whose memory grows and shrinks with the number of entries.

use bpfmap::{Be16, Be32, BpfMap, BpfMaps, BpfType, Map, SpinLock};

bpfmap::schema!(name = "rhash", min_kernel = "7.2");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Flow {
    pub source: Be32,
    pub destination: Be32,
    pub source_port: Be16,
    pub destination_port: Be16,
    pub protocol: u8,
    pub _pad0: [u8; 3],
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Traffic {
    pub packets: u64,
    pub bytes: u64,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Quota {
    pub lock: SpinLock,
    pub left: u32,
}

/// The traffic of each flow. A few flows are expected, and a million are possible.
#[derive(BpfMap)]
#[bpf_map(rhash, max_entries = 1000000, map_extra = 16, flags(no_prealloc))]
pub struct Flows {
    key: Flow,
    value: Traffic,
}

#[derive(BpfMap)]
#[bpf_map(rhash, max_entries = 4096, flags(no_prealloc))]
pub struct Quotas {
    key: u32,
    value: Quota,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// The traffic of each flow. A few flows are expected, and a million are possible.
    pub flows: Map<Flows>,
    pub quotas: Map<Quotas>,
}
