//! Arrays of sockets. Programs can read and redirect the data of these sockets.

use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "sockmap", min_kernel = "5.10");

/// The two sockets of each connection.
#[derive(BpfMap)]
#[bpf_map(sockmap, max_entries = 4)]
pub struct Peers;

/// The two sockets of each connection. With values of 4 bytes, user space can't look up the sockets.
#[derive(BpfMap)]
#[bpf_map(sockmap, max_entries = 4)]
pub struct BlindPeers {
    value: u32,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// The two sockets of each connection.
    pub peers: Map<Peers>,
    /// The two sockets of each connection. With values of 4 bytes, user space can't look up the sockets.
    pub blind_peers: Map<BlindPeers>,
}
