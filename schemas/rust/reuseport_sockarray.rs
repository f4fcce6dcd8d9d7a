//! The sockets that share a port, of which a program picks one.

use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "reuseport_sockarray", min_kernel = "5.10");

/// The socket of each worker.
#[derive(BpfMap)]
#[bpf_map(reuseport_sockarray, max_entries = 4)]
pub struct Workers;

/// As `workers`, but user space can't tell which socket an entry holds.
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
    /// As `workers`, but user space can't tell which socket an entry holds.
    pub blind_workers: Map<BlindWorkers>,
}
