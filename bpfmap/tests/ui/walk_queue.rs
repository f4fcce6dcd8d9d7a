use bpfmap::TypeDesc;
use bpfmap::{MapDef, Map, MapSpec, kind};

enum Queue {}
impl MapSpec for Queue {
    type Kind = kind::Queue;
    type Key = ();
    type Value = u64;
    const DEF: MapDef<'static> = kind::Queue::def("queue", TypeDesc::VOID, TypeDesc::U64);
}

fn walk(queue: &Map<Queue>) {
    for entry in queue {
        let _ = entry;
    }
    let _ = queue.lookup(&());
}

fn main() {}
