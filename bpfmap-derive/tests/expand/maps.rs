//! Maps of other sorts.

#[derive(BpfMap)]
#[bpf_map(
    lru_hash,
    max_entries = ENTRIES,
    name = "by_pid",
    flags(numa_node, rdonly_prog),
    numa_node = 1,
    key_size = 12,
    value_size = 8,
    pinning = 16,
    btf = false,
    crate = other::path
)]
struct ByPid;

#[derive(BpfMap)]
#[bpf_map(ringbuf, max_entries = 4096)]
struct Events {
    event: Exec,
}

#[derive(BpfMap)]
#[bpf_map(template, array, max_entries = 4)]
struct TenantsInner {
    value: u64,
}

#[derive(BpfMap)]
#[bpf_map(hash_of_maps, max_entries = 8)]
struct Tenants {
    key: u32,
    inner: TenantsInner,
}

#[derive(BpfMap)]
#[bpf_map(prog_array, max_entries = 8, values(1 = handle_ipv4), optional, min_kernel = "5.10")]
struct Jumps;

#[derive(BpfMap)]
#[bpf_map(lpm_trie, max_entries = 8, flags(no_prealloc))]
struct Routes {
    key: Prefix,
    value: Route,
}

#[derive(BpfMap)]
#[bpf_map(hash, set_by_loader(max_entries))]
struct Kept<K, V: Copy>
where
    K: Copy,
{
    key: K,
    value: V,
}

#[derive(BpfMap)]
#[bpf_map(array_of_maps, max_entries = 8)]
struct Shards<I> {
    inner: I,
}
