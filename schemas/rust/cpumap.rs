//! Packet queues of CPUs. XDP programs redirect packets to these queues.

use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "cpumap", min_kernel = "5.10");

/// The packet queue of each CPU.
#[derive(BpfMap)]
#[bpf_map(cpumap, max_entries = 4)]
pub struct Cpus;

/// The packet queue of each CPU, with a program that processes the packets on this CPU.
#[derive(BpfMap)]
#[bpf_map(cpumap, value_size = 8, max_entries = 4)]
pub struct FilteredCpus;

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// The packet queue of each CPU.
    pub cpus: Map<Cpus>,
    /// The packet queue of each CPU, with a program that processes the packets on this CPU.
    pub filtered_cpus: Map<FilteredCpus>,
}
