//! Network interfaces under arbitrary numbers. XDP programs redirect packets to these interfaces.

use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "devmap_hash", min_kernel = "5.10");

/// The interface for the packets of each VLAN.
#[derive(BpfMap)]
#[bpf_map(devmap_hash, max_entries = 8)]
pub struct Routes;

/// The interface for the packets of each VLAN, with a program that processes the packets before they are sent.
#[derive(BpfMap)]
#[bpf_map(devmap_hash, value_size = 8, max_entries = 8)]
pub struct FilteredRoutes;

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// The interface for the packets of each VLAN.
    pub routes: Map<Routes>,
    /// The interface for the packets of each VLAN, with a program that processes the packets before they are sent.
    pub filtered_routes: Map<FilteredRoutes>,
}
