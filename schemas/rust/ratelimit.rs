//! How many packets each source address sends.

use bpfmap::{Be32, BpfMap, BpfMaps, BpfType, Map, Padded};

bpfmap::schema!(name = "ratelimit", min_kernel = "5.10");

/// An address; the family of the key says which member counts.
#[derive(Clone, Copy, BpfType)]
#[repr(C, align(4))]
#[bpf_type(std_traits)]
pub union IpAddr {
    pub v4: Padded<Be32, 12>,
    pub v6: [u8; 16],
}

/// Where a packet comes from.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Source {
    pub addr: IpAddr,
    /// AF_INET or AF_INET6.
    pub family: u8,
    pub _pad0: [u8; 3],
}

/// What a source has sent.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Usage {
    /// Nanoseconds since boot.
    pub window_start: u64,
    /// Packets since then.
    pub in_window: u64,
    /// Packets in all.
    pub passed: u64,
    /// Packets over the limit.
    pub dropped: u64,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Limit {
    /// As many packets of a source pass in a window.
    pub packets: u64,
    /// The length of a window in nanoseconds.
    pub window_ns: u64,
}

/// Sources seen recently.
#[derive(BpfMap)]
#[bpf_map(lru_hash, max_entries = 10240)]
pub struct Sources {
    key: Source,
    value: Usage,
}

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 1)]
pub struct Settings {
    value: Limit,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// Sources seen recently.
    pub sources: Map<Sources>,
    pub settings: Map<Settings>,
}
