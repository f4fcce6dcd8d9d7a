use bpfmap::TypeDesc;
use bpfmap::{MapDef, Map, MapSpec, kind};

enum Seen {}
impl MapSpec for Seen {
    type Kind = kind::BloomFilter;
    type Key = ();
    type Value = u64;
    const DEF: MapDef<'static> = kind::BloomFilter::def("seen", TypeDesc::VOID, TypeDesc::U64);
}

fn forget(seen: &Map<Seen>) {
    let _ = seen.delete(&());
}

fn main() {}
