//! The array types. Source: `kernel/bpf/arraymap.c`.

use super::{
    FREEZE, LOOKUP_BATCH, NEXT_KEY, PCPU_MIN_UNIT_SIZE, READ_ONE_CPU, WRITE_ONE_CPU, cases,
    helpers, operations, row, special_fields, v,
};
use crate::map_type::{
    BatchCursor, Case, InnerRule, KeyRule, MapType, MemoryRule, Privilege, ValueRule,
};

/// `BPF_MAP_TYPE_ARRAY`.
pub const ARRAY: MapType = MapType {
    summary: "An array of values. All elements exist from the start and are initially zero.",
    privilege: Privilege::None,
    key: KeyRule::Index,
    value: ValueRule::Plain { max_size: i32::MAX as u32 },
    memory: MemoryRule::Array,
    flags: &[
        ("numa_node", v(4, 14)),
        ("rdonly", v(4, 15)),
        ("wronly", v(4, 15)),
        ("rdonly_prog", v(5, 2)),
        ("wronly_prog", v(5, 2)),
        ("mmapable", v(5, 5)),
        ("inner_map", v(5, 10)),
    ],
    as_inner: InnerRule::SameEntries(v(4, 12)),
    special_fields: special_fields::HASH_AND_ARRAY,
    helpers: helpers::ARRAY,
    operations: operations! {
        Lookup: LOOKUP,
        Update: UPDATE,
        Delete: DELETE,
        GetNextKey: NEXT_KEY,
        LookupBatch: LOOKUP_BATCH,
        UpdateBatch: UPDATE_BATCH,
        Mmap: MMAP,
        Freeze: FREEZE,
    },
    batch_cursor: BatchCursor::Key,
    sources: &[
        "kernel/bpf/arraymap.c: array_map_alloc_check, array_map_update_elem, array_map_delete_elem, bpf_array_get_next_key, array_map_mmap, array_map_ops",
    ],
    ..row("array", 2, v(3, 19))
};

/// `BPF_MAP_TYPE_PERCPU_ARRAY`.
pub const PERCPU_ARRAY: MapType = MapType {
    name: "percpu_array",
    number: 6,
    since: v(4, 6),
    summary: "An array with a value for each CPU in each element. All elements exist from the \
              start and are initially zero.",
    memory: MemoryRule::PerCpuArray,
    per_cpu: true,
    value: ValueRule::Plain { max_size: PCPU_MIN_UNIT_SIZE },
    as_inner: InnerRule::SameEntries(v(7, 1)),
    flags: &[
        ("rdonly", v(4, 15)),
        ("wronly", v(4, 15)),
        ("rdonly_prog", v(5, 2)),
        ("wronly_prog", v(5, 2)),
    ],
    special_fields: special_fields::PERCPU_ARRAY,
    helpers: helpers::PERCPU_ARRAY,
    operations: operations! {
        Lookup: LOOKUP_PER_CPU,
        Update: UPDATE_PER_CPU,
        Delete: DELETE,
        GetNextKey: NEXT_KEY,
        LookupBatch: LOOKUP_BATCH_PER_CPU,
        UpdateBatch: UPDATE_BATCH_PER_CPU,
        Freeze: FREEZE,
    },
    sources: &[
        "kernel/bpf/arraymap.c: array_map_alloc_check, bpf_percpu_array_copy, bpf_percpu_array_update, percpu_array_map_ops",
    ],
    ..ARRAY
};

pub(super) const LOOKUP: &[Case] = cases! {
    Plain: (3, 19) Ok;
    OutOfRange: (3, 19) ENOENT;
    UnknownFlags: (3, 19) EINVAL;
    LockWithoutSpinLock: (5, 1) EINVAL;
};

/// Linux 7.0 added `BPF_F_CPU` and `BPF_F_ALL_CPUS`. Lookups do not support `BPF_F_ALL_CPUS`.
const LOOKUP_PER_CPU: &[Case] = cases! { ..LOOKUP; ..READ_ONE_CPU; };

/// The kernel checks the index before it checks the flag `BPF_NOEXIST`. Updates with this flag always fail, because
/// every element exists.
const UPDATE: &[Case] = cases! {
    Plain: (3, 19) Ok;
    NoExistOnPresent: (3, 19) EEXIST;
    OutOfRange: (3, 19) E2BIG;
    UnknownFlags: (3, 19) EINVAL;
    NoExistAndExist: (3, 19) EINVAL;
    LockWithoutSpinLock: (5, 1) EINVAL;
};

/// Linux 7.0 added `BPF_F_CPU` and `BPF_F_ALL_CPUS`, and no longer refuses `BPF_NOEXIST` and
/// `BPF_EXIST` together.
const UPDATE_PER_CPU: &[Case] = cases! {
    ..UPDATE; ..WRITE_ONE_CPU;
    NoExistAndExist: (4, 6) EINVAL, (7, 0) Ok;
};

pub(super) const DELETE: &[Case] = cases! {
    Plain: (3, 19) EINVAL;
    OutOfRange: (3, 19) EINVAL;
};

const UPDATE_BATCH: &[Case] = cases! {
    Plain: (5, 6) Ok;
    BatchElementFlags: (5, 6) EINVAL;
    OutOfRange: (5, 6) E2BIG;
};

const LOOKUP_BATCH_PER_CPU: &[Case] = cases! {
    Plain: (5, 6) ENOTSUPP, (5, 13) Ok;
    End: (5, 13) ENOENT;
    OneCpu: (5, 13) EINVAL, (7, 0) Ok;
    UnknownCpu: (5, 13) EINVAL, (7, 0) ERANGE;
    AllCpus: (5, 13) EINVAL;
};

const UPDATE_BATCH_PER_CPU: &[Case] = cases! {
    Plain: (5, 6) ENOTSUPP, (5, 13) Ok;
    BatchElementFlags: (5, 13) EINVAL;
    OutOfRange: (5, 13) E2BIG;
    OneCpu: (5, 13) EINVAL, (7, 0) Ok;
    UnknownCpu: (5, 13) EINVAL, (7, 0) ERANGE;
    AllCpus: (5, 13) EINVAL, (7, 0) Ok;
};

/// `mmap` requires the flag `BPF_F_MMAPABLE`. A map with this flag can't have special fields in its value.
const MMAP: &[Case] = cases! {
    Plain: (5, 5) Ok;
    ToWrite: (5, 5) Ok;
    WithoutFlag: (5, 5) EINVAL;
    WithSpinLock: (5, 5) ENOTSUPP;
    WithSpecialField: (5, 5) EINVAL, (5, 15) ENOTSUPP;
};
