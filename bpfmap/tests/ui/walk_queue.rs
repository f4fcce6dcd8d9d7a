use bpfmap::layout::Layout;
use bpfmap::{Map, MapSpec, kind};

enum Queue {}
impl MapSpec for Queue {
    type Kind = kind::Queue;
    type Key = ();
    type Value = u64;
    const NAME: &'static str = "queue";
    const KEY_LAYOUT: &'static Layout = Layout::VOID;
    const VALUE_LAYOUT: &'static Layout = Layout::U64;
}

fn walk(queue: &Map<Queue>) {
    for entry in queue {
        let _ = entry;
    }
    let _ = queue.lookup(&());
}

fn main() {}
