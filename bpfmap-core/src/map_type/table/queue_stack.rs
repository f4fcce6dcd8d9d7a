//! The queue and the stack. Source: `kernel/bpf/queue_stack_maps.c`.

use super::{FREEZE, KMALLOC_MAX_SIZE, cases, helpers, operations, row, v};
use crate::Errno;
use crate::map_type::{BtfRule, Case, MapType, MemoryRule, ValueRule};

/// `BPF_MAP_TYPE_QUEUE`.
pub const QUEUE: MapType = MapType {
    summary: "A queue of values without keys. The value that was pushed first is popped first.",
    value: ValueRule::Plain { max_size: KMALLOC_MAX_SIZE },
    memory: MemoryRule::Contiguous,
    flags: &[
        ("numa_node", v(4, 20)),
        ("rdonly", v(4, 20)),
        ("wronly", v(4, 20)),
        ("rdonly_prog", v(5, 2)),
        ("wronly_prog", v(5, 2)),
    ],
    btf: BtfRule::Refused(Errno::EINVAL),
    helpers: helpers::QUEUE_AND_STACK,
    operations: operations! {
        Lookup: PEEK,
        Update: PUSH,
        Delete: cases! { Plain: (4, 20) EINVAL; },
        GetNextKey: cases! { Plain: (4, 20) EINVAL; },
        LookupAndDelete: POP,
        Freeze: FREEZE,
    },
    sources: &[
        "kernel/bpf/queue_stack_maps.c: queue_stack_map_alloc_check, queue_stack_map_push_elem, __queue_map_get, queue_map_ops",
    ],
    ..row("queue", 22, v(4, 20))
};

/// `BPF_MAP_TYPE_STACK`.
pub const STACK: MapType = MapType {
    name: "stack",
    number: 23,
    summary: "A stack of values without keys. The value that was pushed last is popped first.",
    sources: &[
        "kernel/bpf/queue_stack_maps.c: queue_stack_map_alloc_check, queue_stack_map_push_elem, __stack_map_get, stack_map_ops",
    ],
    ..QUEUE
};

pub(super) const PEEK: &[Case] = cases! {
    Plain: (4, 20) Ok;
    Empty: (4, 20) ENOENT;
    KeyGiven: (4, 20) EINVAL;
    UnknownFlags: (4, 20) EINVAL;
    LockWithoutSpinLock: (5, 1) EINVAL;
};

const PUSH: &[Case] = cases! {
    Plain: (4, 20) Ok;
    NoExist: (4, 20) EINVAL;
    NoExistAndExist: (4, 20) EINVAL;
    FullNewKey: (4, 20) E2BIG;
    FullOverwrite: (4, 20) Ok;
    KeyGiven: (4, 20) EINVAL;
    UnknownFlags: (4, 20) EINVAL;
    LockWithoutSpinLock: (5, 1) EINVAL;
};

const POP: &[Case] = cases! {
    Plain: (4, 20) Ok;
    Empty: (4, 20) ENOENT;
    KeyGiven: (4, 20) EINVAL;
    UnknownFlags: (4, 20) EINVAL;
};
