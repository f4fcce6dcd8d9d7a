use bpfmap::BpfMap;

#[derive(BpfMap)]
#[bpf_map(sk_storage, flags(no_prealloc), btf = false)]
struct Counters {
    value: u64,
}

fn main() {}
