//! The Bloom filter. Source: `kernel/bpf/bloom_filter.c`.

use super::{FREEZE, KMALLOC_MAX_SIZE, cases, helpers, operations, queue_stack, row, v};
use crate::map_type::{MapExtraRule, MapType, ValueRule};

/// `BPF_MAP_TYPE_BLOOM_FILTER`.
pub const BLOOM_FILTER: MapType = MapType {
    summary: "A set that stores only hashes of its values. A lookup tells whether a value was \
              possibly added or certainly not added.",
    value: ValueRule::Plain { max_size: KMALLOC_MAX_SIZE },
    map_extra: MapExtraRule::HashFunctions { max: 15 },
    flags: &[
        ("numa_node", v(5, 16)),
        ("rdonly", v(5, 16)),
        ("wronly", v(5, 16)),
        ("zero_seed", v(5, 16)),
        ("rdonly_prog", v(5, 16)),
        ("wronly_prog", v(5, 16)),
    ],
    helpers: helpers::BLOOM_FILTER,
    operations: operations! {
        // A lookup passes the value to test.
        Lookup: queue_stack::PEEK,
        // A filter with more values than `max_entries` accepts further values, and returns more
        // false positives.
        Update: cases! {
            Plain: (5, 16) Ok;
            ExistOnMissing: (5, 16) EINVAL;
            FullNewKey: (5, 16) Ok;
            UnknownFlags: (5, 16) EINVAL;
            NoExist: (5, 16) EINVAL;
            NoExistAndExist: (5, 16) EINVAL;
            LockWithoutSpinLock: (5, 16) EINVAL;
            KeyGiven: (5, 16) EINVAL;
        },
        Delete: cases! { Plain: (5, 16) EOPNOTSUPP; },
        GetNextKey: cases! { Plain: (5, 16) EOPNOTSUPP; },
        Freeze: FREEZE,
    },
    sources: &[
        "kernel/bpf/bloom_filter.c: bloom_map_alloc_check, bloom_map_alloc, bloom_map_push_elem, bloom_map_peek_elem, bloom_filter_map_ops",
    ],
    ..row("bloom_filter", 30, v(5, 16))
};
