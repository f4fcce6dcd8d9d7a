//! Programs by index, to go on with by a tail call.

use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "prog_array", min_kernel = "5.10");

/// What goes on with a packet, by the version of IP; there from the start.
#[derive(BpfMap)]
#[bpf_map(prog_array, max_entries = 8, values(1 = handle_ipv4, 6 = handle_ipv6))]
pub struct Parsers;

/// What takes over; a program can stand in several tables.
#[derive(BpfMap)]
#[bpf_map(prog_array, max_entries = 4, values(3 = handle_ipv6))]
pub struct Fallbacks;

/// What the application adds while it runs.
#[derive(BpfMap)]
#[bpf_map(prog_array, max_entries = 16)]
pub struct Plugins;

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// What goes on with a packet, by the version of IP; there from the start.
    pub parsers: Map<Parsers>,
    /// What takes over; a program can stand in several tables.
    pub fallbacks: Map<Fallbacks>,
    /// What the application adds while it runs.
    pub plugins: Map<Plugins>,
}
