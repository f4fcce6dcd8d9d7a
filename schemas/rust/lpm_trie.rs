//! Longest-prefix-match tries.

use bpfmap::{Be32, BpfMap, BpfMaps, BpfType, Map};

bpfmap::schema!(name = "lpm_trie", min_kernel = "5.10");

/// An IPv4 network.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Ipv4Prefix {
    /// The prefix length: the number of leading bits of the address that are compared.
    pub prefix_len: u32,
    pub address: [u8; 4],
}

/// A VLAN and an IPv6 network in this VLAN.
#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct VlanPrefix {
    pub prefix_len: u32,
    pub vlan: Be32,
    pub address: [u8; 16],
}

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Route {
    pub gateway: Be32,
    pub interface: u32,
}

#[derive(BpfMap)]
#[bpf_map(lpm_trie, max_entries = 64, flags(no_prealloc))]
pub struct Routes {
    key: Ipv4Prefix,
    value: Route,
}

#[derive(BpfMap)]
#[bpf_map(lpm_trie, max_entries = 64, flags(no_prealloc))]
pub struct Networks {
    key: VlanPrefix,
    value: u32,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    pub routes: Map<Routes>,
    pub networks: Map<Networks>,
}
