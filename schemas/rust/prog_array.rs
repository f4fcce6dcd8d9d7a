//! Arrays of programs for tail calls.

use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "prog_array", min_kernel = "5.10");

/// The programs that process a packet, by IP version. The schema sets them as the initial contents of the map.
#[derive(BpfMap)]
#[bpf_map(prog_array, max_entries = 8, values(1 = handle_ipv4, 6 = handle_ipv6))]
pub struct Parsers;

/// A second array of programs. A program can be in several arrays.
#[derive(BpfMap)]
#[bpf_map(prog_array, max_entries = 4, values(3 = handle_ipv6))]
pub struct Fallbacks;

/// Programs that the application adds at run time.
#[derive(BpfMap)]
#[bpf_map(prog_array, max_entries = 16)]
pub struct Plugins;

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// The programs that process a packet, by IP version. The schema sets them as the initial contents of the map.
    pub parsers: Map<Parsers>,
    /// A second array of programs. A program can be in several arrays.
    pub fallbacks: Map<Fallbacks>,
    /// Programs that the application adds at run time.
    pub plugins: Map<Plugins>,
}
