//! Arrays of sockets that share a port. A program selects one of these sockets.

use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "reuseport_sockarray", min_kernel = "5.10");

/// The socket of each worker.
#[derive(BpfMap)]
#[bpf_map(reuseport_sockarray, max_entries = 4)]
pub struct Workers;

/// The socket of each worker. With values of 4 bytes, user space can't look up the sockets.
#[derive(BpfMap)]
#[bpf_map(reuseport_sockarray, max_entries = 4)]
pub struct BlindWorkers {
    value: u32,
}

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// The socket of each worker.
    pub workers: Map<Workers>,
    /// The socket of each worker. With values of 4 bytes, user space can't look up the sockets.
    pub blind_workers: Map<BlindWorkers>,
}
