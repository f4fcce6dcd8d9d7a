//! Arrays of AF_XDP sockets. XDP programs redirect packets to these sockets.

use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "xskmap", min_kernel = "5.10");

/// The socket of each receive queue.
#[derive(BpfMap)]
#[bpf_map(xskmap, max_entries = 4)]
pub struct Queues;

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// The socket of each receive queue.
    pub queues: Map<Queues>,
}
