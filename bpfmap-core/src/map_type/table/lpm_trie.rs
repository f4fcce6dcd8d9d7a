//! The longest-prefix-match trie. Source: `kernel/bpf/lpm_trie.c`.

use super::{FREEZE, KMALLOC_MAX_SIZE, LOOKUP, UPDATE, cases, helpers, operations, row, v};
use crate::map_type::{BatchCursor, KeyRule, MapType, MemoryRule, ValueRule};

/// `BPF_MAP_TYPE_LPM_TRIE`.
pub const LPM_TRIE: MapType = MapType {
    summary: "A trie of prefixes, such as IP networks, each with a value. A lookup finds the \
              longest stored prefix that matches the key and is not longer than the prefix length \
              in the key.",
    key: KeyRule::LpmPrefix,
    // LPM_VAL_SIZE_MAX: the allocation limit minus the data of the longest key and
    // `struct lpm_trie_node` (40 bytes).
    value: ValueRule::Plain { max_size: KMALLOC_MAX_SIZE - 256 - 40 },
    memory: MemoryRule::Trie,
    required_flags: &["no_prealloc"],
    flags: &[
        ("no_prealloc", v(4, 11)),
        ("numa_node", v(4, 14)),
        ("rdonly", v(4, 15)),
        ("wronly", v(4, 15)),
        ("rdonly_prog", v(5, 2)),
        ("wronly_prog", v(5, 2)),
    ],
    helpers: helpers::LPM_TRIE,
    operations: operations! {
        Lookup: cases! { ..LOOKUP; PrefixTooLong: (4, 11) ENOENT; },
        // Older kernels first check whether the trie is full. Linux 6.13 fixed this order, and stable releases of 6.1
        // and 6.12 contain the fix too.
        Update: cases! {
            ..UPDATE;
            FullNewKey: (4, 11) ENOSPC;
            FullPresentKey: (4, 11) ENOSPC, (6, 1) Ok | ENOSPC, (6, 13) Ok;
            FullExistOnMissing: (4, 11) ENOSPC, (6, 1) ENOENT | ENOSPC, (6, 13) ENOENT;
            PrefixTooLong: (4, 11) EINVAL;
        },
        Delete: cases! {
            Plain: (4, 11) ENOSYS, (4, 15) Ok;
            Missing: (4, 15) ENOENT;
            PrefixTooLong: (4, 15) EINVAL;
        },
        GetNextKey: cases! {
            Plain: (4, 11) ENOTSUPP, (4, 16) Ok;
            NoKey: (4, 16) Ok;
            AbsentKey: (4, 16) Ok;
            LastKey: (4, 16) ENOENT;
        },
        LookupBatch: cases! {
            Plain: (5, 6) ENOTSUPP, (5, 13) Ok;
            End: (5, 13) ENOENT;
        },
        UpdateBatch: cases! {
            Plain: (5, 6) ENOTSUPP, (5, 13) Ok;
            BatchElementFlags: (5, 13) EINVAL;
            FullNewKey: (5, 13) ENOSPC;
        },
        DeleteBatch: cases! {
            Plain: (5, 6) ENOTSUPP, (5, 13) Ok;
            Missing: (5, 13) ENOENT;
        },
        Freeze: FREEZE,
    },
    batch_cursor: BatchCursor::Key,
    sources: &[
        "kernel/bpf/lpm_trie.c: trie_alloc, trie_lookup_elem, trie_update_elem, trie_delete_elem, trie_get_next_key, trie_map_ops",
    ],
    ..row("lpm_trie", 11, v(4, 11))
};
