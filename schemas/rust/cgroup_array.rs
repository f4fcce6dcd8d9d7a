//! Cgroups by index, for a program to ask about.

use bpfmap::BpfMap;

bpfmap::schema!(name = "cgroup_array", min_kernel = "5.10");

/// The cgroup of each tenant.
#[derive(BpfMap)]
#[bpf_map(cgroup_array, max_entries = 16)]
pub struct Tenants;
