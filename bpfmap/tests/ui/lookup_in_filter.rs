use bpfmap::TypeDesc;
use bpfmap::{Map, MapSpec, kind};

enum Seen {}
impl MapSpec for Seen {
    type Kind = kind::BloomFilter;
    type Key = ();
    type Value = u64;
    const NAME: &'static str = "seen";
    const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::VOID;
    const VALUE_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U64;
}

fn seen(seen: &Map<Seen>) {
    let _ = seen.lookup(&());
}

fn main() {}
