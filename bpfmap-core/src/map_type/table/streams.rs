//! Maps that transfer records. Source: `kernel/bpf/ringbuf.c`, `kernel/bpf/arraymap.c`.

use super::{DELETE_SLOT, FREEZE, NEXT_KEY, cases, helpers, objects, operations, row, v};
use crate::Errno;
use crate::map_type::{
    BtfRule, Case, EventRule, KernelObject, KeyRule, MapType, MaxEntriesRule, MemoryRule,
    Privilege, ValueRule,
};

/// `BPF_MAP_TYPE_PERF_EVENT_ARRAY`.
pub const PERF_EVENT_ARRAY: MapType = MapType {
    summary: "A perf event for each CPU. The event is either a counter that programs read, or a \
              buffer for records that programs write.",
    privilege: Privilege::None,
    key: KeyRule::Index,
    value: ValueRule::Object(KernelObject::PerfEvent),
    max_entries: MaxEntriesRule::PerCpu,
    memory: MemoryRule::Array,
    flags: &[
        ("numa_node", v(4, 14)),
        ("rdonly", v(4, 15)),
        ("wronly", v(4, 15)),
        ("preserve_elems", v(5, 10)),
    ],
    events: EventRule::ToUserSpace,
    btf: BtfRule::Refused(Errno::ENOTSUPP),
    helpers: helpers::PERF_EVENT_ARRAY,
    operations: operations! {
        Update: objects::UPDATE_CGROUP,
        Delete: DELETE_SLOT,
        GetNextKey: NEXT_KEY,
        Freeze: FREEZE,
    },
    sources: &[
        "kernel/bpf/arraymap.c: fd_array_map_alloc_check, bpf_fd_array_map_update_elem, fd_array_map_delete_elem, perf_event_fd_array_get_ptr, perf_event_array_map_ops",
    ],
    ..row("perf_event_array", 4, v(4, 3))
};

/// `BPF_MAP_TYPE_RINGBUF`.
pub const RINGBUF: MapType = MapType {
    summary: "A ring buffer in which programs send records to user space. The records of all CPUs \
              are in one buffer and keep their order.",
    privilege: Privilege::None,
    max_entries: MaxEntriesRule::Bytes,
    flags: &[("numa_node", v(5, 8)), ("rb_overwrite", v(6, 19))],
    events: EventRule::ToUserSpace,
    btf: BtfRule::Nothing,
    helpers: helpers::RINGBUF,
    operations: operations! {
        Lookup: NO_ENTRIES,
        Update: NO_ENTRIES,
        // The first page contains the position of the reader, which is user space.
        Mmap: cases! {
            Plain: (5, 8) Ok;
            ToWrite: (5, 8) Ok;
            ToWriteSecondPage: (5, 8) EPERM;
        },
        Freeze: FREEZE,
    },
    sources: &[
        "kernel/bpf/ringbuf.c: ringbuf_map_alloc, ringbuf_map_mmap_kern, __bpf_ringbuf_reserve, ringbuf_map_ops",
    ],
    ..row("ringbuf", 27, v(5, 8))
};

/// `BPF_MAP_TYPE_USER_RINGBUF`.
pub const USER_RINGBUF: MapType = MapType {
    name: "user_ringbuf",
    number: 31,
    since: v(6, 1),
    summary: "A ring buffer in which user space sends records to programs. The records keep their \
              order.",
    flags: &[("numa_node", v(6, 1))],
    events: EventRule::ToPrograms,
    helpers: helpers::USER_RINGBUF,
    operations: operations! {
        Lookup: NO_ENTRIES,
        Update: NO_ENTRIES,
        // The first page contains the position of the readers, which are programs.
        Mmap: cases! {
            Plain: (6, 1) Ok;
            ToWrite: (6, 1) EPERM;
            ToWriteSecondPage: (6, 1) Ok;
        },
        Freeze: FREEZE,
    },
    sources: &[
        "kernel/bpf/ringbuf.c: ringbuf_map_alloc, ringbuf_map_mmap_user, __bpf_user_ringbuf_peek, user_ringbuf_map_ops",
    ],
    ..RINGBUF
};

/// The answers to operations on entries, which all fail because records are not entries. The kernel first checks
/// whether a key was passed.
const NO_ENTRIES: &[Case] = cases! {
    Plain: (5, 8) ENOTSUPP;
    KeyGiven: (5, 8) EINVAL;
};
