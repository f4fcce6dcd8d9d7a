//! Network interfaces by any number, for XDP programs to send packets out of.

use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "devmap_hash", min_kernel = "5.10");

/// Where packets go, by VLAN.
#[derive(BpfMap)]
#[bpf_map(devmap_hash, max_entries = 8)]
pub struct Routes;

/// As `routes`, each with a program that sees the packets before they leave.
#[derive(BpfMap)]
#[bpf_map(devmap_hash, value_size = 8, max_entries = 8)]
pub struct FilteredRoutes;

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// Where packets go, by VLAN.
    pub routes: Map<Routes>,
    /// As `routes`, each with a program that sees the packets before they leave.
    pub filtered_routes: Map<FilteredRoutes>,
}
