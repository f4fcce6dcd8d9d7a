//! Maps that carry records. Source: `kernel/bpf/ringbuf.c`.

use super::{FREEZE, cases, operations, v};
use crate::facts::{
    BtfRule, EventRule, InnerRule, KeyRule, MapExtraRule, MapTypeFacts, MaxEntriesRule, Privilege,
    ValueRule,
};

/// `BPF_MAP_TYPE_RINGBUF`.
pub(super) const RINGBUF: MapTypeFacts = MapTypeFacts {
    name: "ringbuf",
    number: 27,
    since: v(5, 8),
    summary: "Records from programs to user space, in order, in one buffer for all CPUs.",
    privilege: Privilege::None,
    per_cpu: false,
    key: KeyRule::Keyless,
    value: ValueRule::Valueless,
    max_entries: MaxEntriesRule::Bytes,
    map_extra: MapExtraRule::Zero,
    required_flags: &[],
    flags: &[("numa_node", v(5, 8)), ("rb_overwrite", v(6, 19))],
    events: EventRule::ToUserSpace,
    as_inner: InnerRule::AnyEntries,
    btf: BtfRule::Nothing,
    special_fields: &[],
    operations: operations! {
        Lookup: cases! { Plain: (5, 8) ENOTSUPP; },
        Update: cases! { Plain: (5, 8) ENOTSUPP; },
        Delete: cases! { Plain: (5, 8) ENOTSUPP; },
        GetNextKey: cases! { Plain: (5, 8) ENOTSUPP; },
        LookupAndDelete: cases! { Plain: (5, 8) ENOTSUPP; },
        LookupBatch: cases! { Plain: (5, 8) ENOTSUPP; },
        UpdateBatch: cases! { Plain: (5, 8) ENOTSUPP; },
        DeleteBatch: cases! { Plain: (5, 8) ENOTSUPP; },
        LookupAndDeleteBatch: cases! { Plain: (5, 8) ENOTSUPP; },
        Mmap: cases! { Plain: (5, 8) Ok; },
        Freeze: FREEZE,
    },
    sources: &["kernel/bpf/ringbuf.c: ringbuf_map_alloc, ringbuf_map_mmap_kern, ringbuf_map_ops"],
};
