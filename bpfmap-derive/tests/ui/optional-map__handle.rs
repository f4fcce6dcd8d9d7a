use bpfmap::{BpfMap, BpfMaps, Map};

/// Created if the program is asked to.
#[derive(BpfMap)]
#[bpf_map(ringbuf, max_entries = 4096, optional)]
struct Debug;

#[derive(BpfMap)]
#[bpf_map(array, max_entries = 1)]
struct Totals {
    value: u64,
}

#[derive(BpfMaps)]
struct Maps {
    debug: Map<Debug>,
    totals: Option<Map<Totals>>,
}

/// What only a user of the struct knows is found where it is used.
#[derive(BpfMap)]
#[bpf_map(hash, max_entries = 8, optional)]
struct Kept<V> {
    key: u32,
    value: V,
}

#[derive(BpfMaps)]
struct Opened<V: bpfmap::Plain> {
    kept: Option<Map<Kept<V>>>,
}

#[derive(BpfMaps)]
struct NoHandle {
    totals: Totals,
    optional: Option<Totals>,
}

fn main() {}
