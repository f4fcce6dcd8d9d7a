use bpfmap::layout::Layout;
use bpfmap::{Map, MapSpec, kind};

enum Seen {}
impl MapSpec for Seen {
    type Kind = kind::BloomFilter;
    type Key = ();
    type Value = u64;
    const NAME: &'static str = "seen";
    const KEY_LAYOUT: &'static Layout = Layout::VOID;
    const VALUE_LAYOUT: &'static Layout = Layout::U64;
}

fn seen(seen: &Map<Seen>) {
    let _ = seen.lookup(&());
}

fn main() {}
