//! Sockets by index, whose data programs see and redirect.

use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "sockmap", min_kernel = "5.10");

/// The ends of connections.
#[derive(BpfMap)]
#[bpf_map(sockmap, max_entries = 4)]
pub struct Peers;

/// As `peers`, but user space can't tell which socket an entry holds.
#[derive(BpfMap)]
#[bpf_map(sockmap, max_entries = 4)]
pub struct BlindPeers {
    value: u32,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// The ends of connections.
    pub peers: Map<Peers>,
    /// As `peers`, but user space can't tell which socket an entry holds.
    pub blind_peers: Map<BlindPeers>,
}
