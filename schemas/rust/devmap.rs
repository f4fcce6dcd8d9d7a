//! Arrays of network interfaces. XDP programs redirect packets to these interfaces.

use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "devmap", min_kernel = "5.10");

/// The interface for the packets of each port.
#[derive(BpfMap)]
#[bpf_map(devmap, max_entries = 8)]
pub struct Ports;

/// The interface for the packets of each port, with a program that processes the packets before they are sent.
#[derive(BpfMap)]
#[bpf_map(devmap, value_size = 8, max_entries = 8)]
pub struct FilteredPorts;

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// The interface for the packets of each port.
    pub ports: Map<Ports>,
    /// The interface for the packets of each port, with a program that processes the packets before they are sent.
    pub filtered_ports: Map<FilteredPorts>,
}
