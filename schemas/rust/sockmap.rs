//! Sockets by index, whose data programs see and redirect.

use bpfmap::BpfMap;

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
