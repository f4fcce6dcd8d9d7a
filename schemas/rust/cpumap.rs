//! Queues of CPUs, for XDP programs to hand packets to.

use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "cpumap", min_kernel = "5.10");

/// The queues of CPUs, by CPU.
#[derive(BpfMap)]
#[bpf_map(cpumap, max_entries = 4)]
pub struct Cpus;

/// As `cpus`, each with a program that sees the packets on the CPU first.
#[derive(BpfMap)]
#[bpf_map(cpumap, value_size = 8, max_entries = 4)]
pub struct FilteredCpus;

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// The queues of CPUs, by CPU.
    pub cpus: Map<Cpus>,
    /// As `cpus`, each with a program that sees the packets on the CPU first.
    pub filtered_cpus: Map<FilteredCpus>,
}
