//! The number of packets that each source address sends.

use bpfmap::{Be32, BpfMap, BpfMaps, BpfType, Map, Padded};

bpfmap::schema!(name = "ratelimit", min_kernel = "5.10");

/// An IPv4 or IPv6 address. The address family in the key determines which member is valid.
#[derive(Clone, Copy, BpfType)]
#[repr(C, align(4))]
#[bpf_type(std_traits)]
pub union IpAddr {
    pub v4: Padded<Be32, 12>,
    pub v6: [u8; 16],
}

/// The source of a packet.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Source {
    pub addr: IpAddr,
    /// AF_INET or AF_INET6.
    pub family: u8,
    pub _pad0: [u8; 3],
}

/// The packets that a source has sent.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Usage {
    /// A time in nanoseconds since boot.
    pub window_start: u64,
    /// The number of packets since `window_start`.
    pub in_window: u64,
    /// The total number of packets that have passed.
    pub passed: u64,
    /// Packets over the limit.
    pub dropped: u64,
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Limit {
    /// The maximum number of packets that pass in a window, for each source.
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
