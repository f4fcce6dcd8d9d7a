//! Hash tables of maps that match a template.

use bpfmap::{Be32, BpfMap, BpfMaps, BpfType, Map};

bpfmap::schema!(name = "hash_of_maps", min_kernel = "5.10");

#[derive(Clone, Copy, BpfType)]
#[repr(C)]
#[bpf_type(std_traits)]
pub struct Tenant {
    pub network: u32,
    pub zone: u8,
    pub _pad0: [u8; 3],
}

#[derive(BpfMap)]
#[bpf_map(template, hash, max_entries = 128)]
pub struct TenantsInner {
    key: Be32,
    value: u64,
}

/// The counters of each tenant, by address.
#[derive(BpfMap)]
#[bpf_map(hash_of_maps, max_entries = 64)]
pub struct Tenants {
    key: Tenant,
    inner: TenantsInner,
}

#[derive(BpfMap)]
#[bpf_map(template, percpu_array, max_entries = 4)]
pub struct PerInterfaceInner {
    value: u64,
}

/// The counters of each network interface, by interface index.
#[derive(BpfMap)]
#[bpf_map(hash_of_maps, max_entries = 64, flags(no_prealloc), values(1 = loopback))]
pub struct PerInterface {
    key: u32,
    inner: PerInterfaceInner,
}

#[derive(BpfMap)]
#[bpf_map(percpu_array, max_entries = 4)]
pub struct Loopback {
    value: u64,
}

/// The only interface that is monitored, because the map has a single entry.
#[derive(BpfMap)]
#[bpf_map(hash_of_maps, max_entries = 1, values(1 = loopback))]
pub struct Uplink {
    key: u32,
    inner: Loopback,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// The counters of each tenant, by address.
    pub tenants: Map<Tenants>,
    /// The counters of each network interface, by interface index.
    pub per_interface: Map<PerInterface>,
    pub loopback: Map<Loopback>,
    /// The only interface that is monitored, because the map has a single entry.
    pub uplink: Map<Uplink>,
}
