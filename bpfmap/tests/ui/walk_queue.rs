use bpfmap::TypeDesc;
use bpfmap::{Map, MapSpec, kind};

enum Queue {}
impl MapSpec for Queue {
    type Kind = kind::Queue;
    type Key = ();
    type Value = u64;
    const NAME: &'static str = "queue";
    const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::VOID;
    const VALUE_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U64;
}

fn walk(queue: &Map<Queue>) {
    for entry in queue {
        let _ = entry;
    }
    let _ = queue.lookup(&());
}

fn main() {}
