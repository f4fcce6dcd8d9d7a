//! Filters that tell whether a value was possibly seen or certainly not seen.

use bpfmap::{Be16, Be32, BpfMap, BpfMaps, BpfType, Map};

bpfmap::schema!(name = "bloom_filter", min_kernel = "5.16");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Endpoint {
    pub address: Be32,
    pub port: Be16,
    pub _pad0: [u8; 2],
}

/// The endpoints that have sent a packet.
#[derive(BpfMap)]
#[bpf_map(bloom_filter, max_entries = 1000, map_extra = 3)]
pub struct Seen {
    value: Endpoint,
}

#[derive(BpfMap)]
#[bpf_map(bloom_filter, max_entries = 64, flags(zero_seed))]
pub struct Numbers {
    value: u64,
}

#[derive(BpfMap)]
#[bpf_map(template, bloom_filter, max_entries = 100)]
pub struct SeenByCpuInner {
    value: Endpoint,
}

/// A filter for each CPU.
#[derive(BpfMap)]
#[bpf_map(array_of_maps, max_entries = 4)]
pub struct SeenByCpu {
    inner: SeenByCpuInner,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// The endpoints that have sent a packet.
    pub seen: Map<Seen>,
    pub numbers: Map<Numbers>,
    /// A filter for each CPU.
    pub seen_by_cpu: Map<SeenByCpu>,
}
