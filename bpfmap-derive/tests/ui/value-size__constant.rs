use bpfmap::BpfMap;

const SIZE: u32 = 12;
const FUNCTIONS: u64 = 16;

#[derive(BpfMap)]
#[bpf_map(stack_trace, max_entries = 8, value_size = SIZE)]
struct Stacks;

#[derive(BpfMap)]
#[bpf_map(cgroup_array, max_entries = 8, value_size = SIZE - 4)]
struct Cgroups;

#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 8, key_size = SIZE - SIZE, value_size = SIZE)]
struct Sized;

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 8, key_size = SIZE, value_size = SIZE)]
struct ByIndex;

#[derive(BpfMap)]
#[bpf_map(bloom_filter, max_entries = 8, map_extra = FUNCTIONS)]
struct Filter {
    value: u32,
}

fn main() {}
