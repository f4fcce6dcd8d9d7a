//! Network interfaces by index, for XDP programs to send packets out of.

use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "devmap", min_kernel = "5.10");

/// Where packets go, by port.
#[derive(BpfMap)]
#[bpf_map(devmap, max_entries = 8)]
pub struct Ports;

/// As `ports`, each with a program that sees the packets before they leave.
#[derive(BpfMap)]
#[bpf_map(devmap, value_size = 8, max_entries = 8)]
pub struct FilteredPorts;

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// Where packets go, by port.
    pub ports: Map<Ports>,
    /// As `ports`, each with a program that sees the packets before they leave.
    pub filtered_ports: Map<FilteredPorts>,
}
