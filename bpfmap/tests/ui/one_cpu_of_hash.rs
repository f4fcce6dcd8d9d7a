fn count<S: bpfmap::MapSpec<Kind = bpfmap::kind::Hash, Key = u32, Value = u64>>(map: &bpfmap::Map<S>) {
    let _ = map.lookup_on(&1, 0);
}

fn main() {}
