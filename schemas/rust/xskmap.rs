//! AF_XDP sockets by index, for XDP programs to hand packets to.

use bpfmap::BpfMap;

bpfmap::schema!(name = "xskmap", min_kernel = "5.10");

/// The socket of each receive queue.
#[derive(BpfMap)]
#[bpf_map(xskmap, max_entries = 4)]
pub struct Queues;
