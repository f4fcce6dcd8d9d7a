//! Arrays of cgroups. A program can test whether a task belongs to one of these cgroups.

use bpfmap::{BpfMap, BpfMaps, Map};

bpfmap::schema!(name = "cgroup_array", min_kernel = "5.10");

/// The cgroup of each tenant.
#[derive(BpfMap)]
#[bpf_map(cgroup_array, max_entries = 16)]
pub struct Tenants;

/// The handles of all maps.
#[derive(Debug, BpfMaps)]
pub struct Maps {
    /// The cgroup of each tenant.
    pub tenants: Map<Tenants>,
}
