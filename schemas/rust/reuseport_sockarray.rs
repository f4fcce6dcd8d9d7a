//! The sockets that share a port, of which a program picks one.

use bpfmap::BpfMap;

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
