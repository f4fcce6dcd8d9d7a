//! The hash table types. Source: `kernel/bpf/hashtab.c`.

use super::{
    DELETE, FREEZE, KMALLOC_MAX_SIZE, LOOKUP, LOOKUP_BATCH, MAX_HASH_ENTRIES, NEXT_KEY,
    PCPU_MIN_UNIT_SIZE, READ_ONE_CPU, UPDATE, WRITE_ONE_CPU, cases, helpers, operations, row,
    special_fields, v,
};
use crate::KernelVersion;
use crate::map_type::{
    BatchCursor, Case, KeyRule, MapExtraRule, MapType, MaxEntriesRule, MemoryRule, Privilege,
    ValueRule,
};

/// `BPF_MAP_TYPE_HASH`.
pub const HASH: MapType = MapType {
    summary: "A hash table.",
    privilege: Privilege::None,
    key: KeyRule::Any { max_size: KMALLOC_MAX_SIZE },
    value: VALUE,
    max_entries: MAX_ENTRIES,
    memory: MemoryRule::Hash,
    flags: &[
        ("no_prealloc", v(4, 6)),
        ("numa_node", v(4, 14)),
        ("zero_seed", v(5, 0)),
        RDONLY,
        WRONLY,
        RDONLY_PROG,
        WRONLY_PROG,
    ],
    special_fields: special_fields::HASH_AND_ARRAY,
    helpers: helpers::HASH,
    operations: operations! {
        Lookup: LOOKUP,
        Update: UPDATE,
        Delete: DELETE,
        GetNextKey: NEXT_KEY,
        LookupAndDelete: LOOKUP_AND_DELETE,
        LookupBatch: LOOKUP_BATCH,
        UpdateBatch: UPDATE_BATCH,
        DeleteBatch: DELETE_BATCH,
        LookupAndDeleteBatch: LOOKUP_BATCH,
        Freeze: FREEZE,
    },
    batch_cursor: BatchCursor::Position,
    sources: &["kernel/bpf/hashtab.c: htab_map_alloc_check, htab_map_update_elem, htab_map_ops"],
    ..row("hash", 1, v(3, 19))
};

/// `BPF_MAP_TYPE_PERCPU_HASH`.
pub const PERCPU_HASH: MapType = MapType {
    name: "percpu_hash",
    number: 5,
    since: v(4, 6),
    summary: "A hash table with a value for each CPU.",
    memory: MemoryRule::PerCpuHash,
    per_cpu: true,
    value: PER_CPU_VALUE,
    flags: &[
        ("no_prealloc", v(4, 6)),
        ("zero_seed", v(5, 0)),
        RDONLY,
        WRONLY,
        RDONLY_PROG,
        WRONLY_PROG,
    ],
    special_fields: special_fields::PERCPU_HASH,
    helpers: helpers::PERCPU_HASH,
    operations: operations! {
        Lookup: LOOKUP_PER_CPU,
        Update: UPDATE_PER_CPU,
        Delete: DELETE,
        GetNextKey: NEXT_KEY,
        LookupAndDelete: LOOKUP_AND_DELETE,
        LookupBatch: LOOKUP_BATCH_PER_CPU,
        UpdateBatch: UPDATE_BATCH_PER_CPU,
        DeleteBatch: DELETE_BATCH,
        LookupAndDeleteBatch: LOOKUP_BATCH,
        Freeze: FREEZE,
    },
    sources: &[
        "kernel/bpf/hashtab.c: htab_map_update_elem_in_place, bpf_percpu_hash_copy, htab_percpu_map_ops",
    ],
    ..HASH
};

/// `BPF_MAP_TYPE_RHASH`. An update overwrites an existing value in place, whereas an update of a `hash` inserts a new
/// element. So a reader without `BPF_F_LOCK` can see parts of the old and parts of the new value.
pub const RHASH: MapType = MapType {
    name: "rhash",
    number: 35,
    since: v(7, 2),
    summary: "A hash table whose memory grows and shrinks with the number of its entries.",
    // With more entries, the number of buckets, which is a power of two, would not fit in 32 bits.
    max_entries: MaxEntriesRule::AtLeastOne { max: 1 << 31 },
    key: KeyRule::Any { max_size: u16::MAX as u32 },
    map_extra: MapExtraRule::ExpectedEntries { max: u16::MAX as u64 },
    required_flags: &["no_prealloc"],
    flags: &[
        ("no_prealloc", v(7, 2)),
        ("numa_node", v(7, 2)),
        ("rdonly", v(7, 2)),
        ("wronly", v(7, 2)),
        ("rdonly_prog", v(7, 2)),
        ("wronly_prog", v(7, 2)),
    ],
    special_fields: special_fields::RHASH,
    resizes: true,
    helpers: helpers::RHASH,
    sources: &[
        "kernel/bpf/hashtab.c: rhtab_map_alloc_check, rhtab_map_update_elem, rhtab_map_get_next_key, __rhtab_map_lookup_and_delete_batch, rhtab_map_ops",
    ],
    ..HASH
};

/// `BPF_MAP_TYPE_LRU_HASH`.
pub const LRU_HASH: MapType = MapType {
    name: "lru_hash",
    number: 9,
    since: v(4, 10),
    summary: "A hash table that removes its least recently used entries to make space for new \
              ones. It removes several entries at a time. The kernel version determines which and \
              how many entries remain.",
    privilege: Privilege::Bpf,
    flags: &[
        ("no_common_lru", v(4, 10)),
        ("numa_node", v(4, 14)),
        ("zero_seed", v(5, 0)),
        RDONLY,
        WRONLY,
        RDONLY_PROG,
        WRONLY_PROG,
    ],
    special_fields: special_fields::LRU_HASH,
    helpers: helpers::LRU_HASH,
    operations: operations! {
        Lookup: LOOKUP,
        Update: UPDATE_LRU,
        Delete: DELETE,
        GetNextKey: NEXT_KEY,
        LookupAndDelete: LOOKUP_AND_DELETE,
        LookupBatch: LOOKUP_BATCH,
        UpdateBatch: UPDATE_BATCH_LRU,
        DeleteBatch: DELETE_BATCH,
        LookupAndDeleteBatch: LOOKUP_BATCH,
        Freeze: FREEZE,
    },
    evicts: true,
    sources: &[
        "kernel/bpf/hashtab.c: htab_lru_map_update_elem, prealloc_lru_pop, htab_lru_map_ops",
        "kernel/bpf/bpf_lru_list.c: bpf_common_lru_pop_free, bpf_lru_init",
    ],
    ..HASH
};

/// `BPF_MAP_TYPE_LRU_PERCPU_HASH`.
pub const LRU_PERCPU_HASH: MapType = MapType {
    name: "lru_percpu_hash",
    number: 10,
    summary: "A hash table with a value for each CPU. It removes its least recently used entries \
              to make space for new ones.",
    memory: MemoryRule::PerCpuHash,
    per_cpu: true,
    value: PER_CPU_VALUE,
    flags: &[
        ("no_common_lru", v(4, 10)),
        ("zero_seed", v(5, 0)),
        RDONLY,
        WRONLY,
        RDONLY_PROG,
        WRONLY_PROG,
    ],
    special_fields: special_fields::PERCPU_HASH,
    helpers: helpers::LRU_PERCPU_HASH,
    operations: operations! {
        Lookup: LOOKUP_PER_CPU,
        Update: UPDATE_LRU_PER_CPU,
        Delete: DELETE,
        GetNextKey: NEXT_KEY,
        LookupAndDelete: LOOKUP_AND_DELETE,
        LookupBatch: LOOKUP_BATCH_PER_CPU,
        UpdateBatch: UPDATE_BATCH_LRU_PER_CPU,
        DeleteBatch: DELETE_BATCH,
        LookupAndDeleteBatch: LOOKUP_BATCH,
        Freeze: FREEZE,
    },
    sources: &[
        "kernel/bpf/hashtab.c: __htab_lru_percpu_map_update_elem, htab_lru_percpu_map_ops",
        "kernel/bpf/bpf_lru_list.c",
    ],
    ..LRU_HASH
};

const RDONLY: (&str, KernelVersion) = ("rdonly", v(4, 15));
const WRONLY: (&str, KernelVersion) = ("wronly", v(4, 15));
const RDONLY_PROG: (&str, KernelVersion) = ("rdonly_prog", v(5, 2));
const WRONLY_PROG: (&str, KernelVersion) = ("wronly_prog", v(5, 2));

/// The key, the value and `struct htab_elem` (48 bytes) must fit in one allocation. Source: `htab_map_alloc_check`.
const VALUE: ValueRule = ValueRule::Plain { max_size: KMALLOC_MAX_SIZE - 48 };
const PER_CPU_VALUE: ValueRule = ValueRule::Plain { max_size: PCPU_MIN_UNIT_SIZE };
/// With more entries, the total size of the buckets would not fit in 32 bits. The number of buckets is a power of two,
/// and each bucket has 16 bytes. Source: `htab_map_alloc`.
const MAX_ENTRIES: MaxEntriesRule = MaxEntriesRule::AtLeastOne { max: MAX_HASH_ENTRIES };

/// Linux 7.0 added `BPF_F_CPU` and `BPF_F_ALL_CPUS`. Lookups do not support `BPF_F_ALL_CPUS`.
const LOOKUP_PER_CPU: &[Case] = cases! { ..LOOKUP; ..READ_ONE_CPU; };

/// Linux 7.0 added `BPF_F_CPU` and `BPF_F_ALL_CPUS`, and treats `BPF_NOEXIST` and `BPF_EXIST`
/// together as `BPF_ANY`.
const UPDATE_PER_CPU: &[Case] = cases! {
    ..UPDATE; ..WRITE_ONE_CPU;
    NoExistAndExist: (4, 6) EINVAL, (7, 0) Ok;
};

const UPDATE_LRU: &[Case] = cases! { ..UPDATE; FullNewKey: (4, 10) Ok; };

const UPDATE_LRU_PER_CPU: &[Case] = cases! { ..UPDATE_PER_CPU; FullNewKey: (4, 10) Ok; };

/// A kernel that supports the command, but not for hash tables, checks the flags first.
const LOOKUP_AND_DELETE: &[Case] = cases! {
    Plain: (4, 20) ENOTSUPP, (5, 14) Ok;
    Missing: (5, 14) ENOENT;
    UnknownFlags: (4, 20) EINVAL;
    LockWithoutSpinLock: (4, 20) EINVAL;
};

const LOOKUP_BATCH_PER_CPU: &[Case] = cases! {
    ..LOOKUP_BATCH;
    OneCpu: (5, 6) EINVAL, (7, 0) Ok;
    UnknownCpu: (5, 6) EINVAL, (7, 0) ERANGE;
    AllCpus: (5, 6) EINVAL;
};

const UPDATE_BATCH: &[Case] = cases! {
    Plain: (5, 6) Ok;
    BatchElementFlags: (5, 6) EINVAL;
    FullNewKey: (5, 6) E2BIG;
};

const UPDATE_BATCH_LRU: &[Case] = cases! { ..UPDATE_BATCH; FullNewKey: (5, 6) Ok; };

const UPDATE_BATCH_PER_CPU: &[Case] = cases! {
    ..UPDATE_BATCH;
    OneCpu: (5, 6) EINVAL, (7, 0) Ok;
    UnknownCpu: (5, 6) EINVAL, (7, 0) ERANGE;
    AllCpus: (5, 6) EINVAL, (7, 0) Ok;
};

const UPDATE_BATCH_LRU_PER_CPU: &[Case] = cases! { ..UPDATE_BATCH_PER_CPU; FullNewKey: (5, 6) Ok; };

const DELETE_BATCH: &[Case] = cases! {
    Plain: (5, 6) Ok;
    Missing: (5, 6) ENOENT;
};
