//! The kernel's rules for each map type, as data.
//!
//! The table [`MAP_TYPES`] has a row for each map type: the rules for its key, value and
//! `max_entries`, the flags that it accepts, and the results of each operation on each kernel. The
//! checks of a schema, the kernels that it needs, the methods of a typed map, the expectations of
//! fixture tests and the reference pages all use this table.
//!
//! If a real kernel behaves differently, the kernel is right: correct the row.

mod answer;
mod capability;
mod expected;
mod flags;
mod memory;
mod programs;
mod requirement;
mod table;

pub use answer::{Answer, Answers, Case, Condition, Operation, OperationFacts, Since};
pub use capability::{BatchCursor, Capability};
pub use expected::MapTraits;
pub use flags::{MAP_FLAGS, MapFlag};
pub use memory::{MEMORY_LIMIT, MemoryRule, UNLIMITED_MEMORY};
pub use programs::ProgramOperation;
pub use requirement::{Feature, LOCK_IN_INNER_MAP, Requirement, Requirements};
pub use table::{
    ARENA, ARRAY, ARRAY_OF_MAPS, BLOOM_FILTER, CGROUP_ARRAY, CGROUP_STORAGE, CGRP_STORAGE, CPUMAP,
    DEVMAP, DEVMAP_HASH, HASH, HASH_OF_MAPS, INODE_STORAGE, INSN_ARRAY, LPM_TRIE, LRU_HASH,
    LRU_PERCPU_HASH, MAP_TYPES, OTHER_NAMES, PERCPU_ARRAY, PERCPU_CGROUP_STORAGE, PERCPU_HASH,
    PERF_EVENT_ARRAY, PROG_ARRAY, QUEUE, REUSEPORT_SOCKARRAY, RHASH, RINGBUF, SK_STORAGE, SOCKHASH,
    SOCKMAP, STACK, STACK_TRACE, STRUCT_OPS, TASK_STORAGE, USER_RINGBUF, XSKMAP,
};

use core::fmt;

use crate::{Errno, KernelVersion, SpecialField, is_same};

/// A row of the table, which describes one map type.
#[derive(Debug)]
pub struct MapType {
    /// Its name in a schema, such as `hash` for `BPF_MAP_TYPE_HASH`.
    pub name: &'static str,
    /// Its number, `enum bpf_map_type` in `include/uapi/linux/bpf.h`.
    pub number: u32,
    /// The first mainline release that has it.
    pub since: KernelVersion,
    /// A description in one sentence.
    pub summary: &'static str,
    /// The privilege that creating one needs.
    pub privilege: Privilege,
    /// Whether each possible CPU has its own value. User space then reads and writes
    /// `round_up(value_size, 8) × possible CPUs` bytes.
    pub per_cpu: bool,
    /// The rule for keys.
    pub key: KeyRule,
    /// The rule for values.
    pub value: ValueRule,
    /// The rule for `max_entries`.
    pub max_entries: MaxEntriesRule,
    /// The memory that its entries need.
    pub memory: MemoryRule,
    /// The rule for `map_extra`.
    pub map_extra: MapExtraRule,
    /// Flags without which creation fails.
    pub required_flags: &'static [&'static str],
    /// Flags that creation accepts, by their names in a schema, each with its first kernel.
    pub flags: &'static [(&'static str, KernelVersion)],
    /// Whether key and value may be described by BTF.
    pub btf: BtfRule,
    /// Special fields that a value may have, each with the first kernel that knows it there. An
    /// older kernel silently treats the bytes as plain data.
    pub special_fields: &'static [(SpecialField, KernelVersion)],
    /// The operations of user space and their results. An operation that a row does not contain
    /// does not exist for the type (ENOTSUPP).
    pub operations: &'static [OperationFacts],
    /// The records that the map transfers between programs and user space.
    pub events: EventRule,
    /// Whether it can be an inner map.
    pub as_inner: InnerRule,
    /// The position of a batched walk between two calls.
    pub batch_cursor: BatchCursor,
    /// Flags that the kernel adds at creation and returns afterwards.
    pub added_flags: &'static [&'static str],
    /// Whether a full map drops an entry to make room for a new key.
    pub evicts: bool,
    /// The map type that `include/uapi/linux/bpf.h` recommends in place of this one, if it calls this one deprecated.
    pub successor: Option<&'static str>,
    /// Kernel files and functions from which the row was written.
    pub sources: &'static [&'static str],
}

impl MapType {
    /// The row of the map type that a schema calls `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        MAP_TYPES.iter().find(|row| row.name == name)
    }

    /// The map type to use in place of this one, which is deprecated, if it is.
    #[must_use]
    pub fn successor(&self) -> Option<&'static Self> {
        Self::by_name(self.successor?)
    }

    /// The name in `enum bpf_map_type`: `BPF_MAP_TYPE_HASH`.
    #[must_use]
    pub const fn c_name(&self) -> CName {
        CName { prefix: "BPF_MAP_TYPE_", name: self.name }
    }

    /// Returns the facts about `operation` on this type.
    ///
    /// # Panics
    ///
    /// Never panics: a test checks that each operation is known.
    #[must_use]
    pub fn operation(&self, operation: Operation) -> &'static OperationFacts {
        self.operations
            .iter()
            .chain(table::LACKING)
            .find(|facts| facts.operation == operation)
            .expect("each operation is known")
    }

    /// The first kernel that carries `operation` out on this type; `None` when none does.
    #[must_use]
    pub const fn operation_since(&self, operation: Operation) -> Option<KernelVersion> {
        self.succeeds_since(operation, Condition::Plain)
    }

    /// The first kernel that carries `operation` out on this type under `condition`; `None` when none does, or the table
    /// does not know.
    #[must_use]
    pub const fn succeeds_since(
        &self,
        operation: Operation,
        condition: Condition,
    ) -> Option<KernelVersion> {
        let mut index = 0;
        while index < self.operations.len() {
            let facts = &self.operations[index];
            index += 1;
            if facts.operation as u8 == operation as u8 {
                return match facts.succeeds_since(condition) {
                    Some(since) => Some(since.newest(self.since)),
                    None => None,
                };
            }
        }
        None
    }

    /// The first kernel whose creation takes the flag that a schema calls `flag`, if any does.
    #[must_use]
    pub const fn flag_since(&self, flag: &str) -> Option<KernelVersion> {
        let mut index = 0;
        while index < self.flags.len() {
            if is_same(self.flags[index].0, flag) {
                return Some(self.flags[index].1);
            }
            index += 1;
        }
        None
    }

    /// What programs do with the events of a map of this type, in C: the ends of the names of the
    /// functions that the header has for them.
    #[must_use]
    pub fn event_functions(&self) -> &'static [&'static str] {
        match (self.events, self.value) {
            (EventRule::Nothing, _) => &[],
            (EventRule::ToUserSpace, ValueRule::Object(_)) => &["output"],
            (EventRule::ToUserSpace, _) => &["reserve", "submit", "discard", "output"],
            (EventRule::ToPrograms, _) => &["event", "drain"],
        }
    }

    /// The first kernel that knows `field` in a value of this type, if any does.
    #[must_use]
    pub const fn special_field_since(&self, field: SpecialField) -> Option<KernelVersion> {
        let mut index = 0;
        while index < self.special_fields.len() {
            if self.special_fields[index].0 as u8 == field as u8 {
                return Some(self.special_fields[index].1);
            }
            index += 1;
        }
        None
    }
}

/// The name of a constant in C: a prefix, and in capitals what a schema calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CName {
    prefix: &'static str,
    name: &'static str,
}

impl fmt::Display for CName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.prefix)?;
        self.name.chars().try_for_each(|char| write!(formatter, "{}", char.to_ascii_uppercase()))
    }
}

/// What a process needs to create a map when `kernel.unprivileged_bpf_disabled` is 0. When it is
/// not, as distributions set it, each type needs `CAP_BPF`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privilege {
    /// Nothing.
    None,
    /// `CAP_BPF` (Linux 5.8; before it `CAP_SYS_ADMIN`).
    Bpf,
    /// `CAP_NET_ADMIN`.
    NetAdmin,
}

/// The keys that a map type accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRule {
    /// Any type of at least a byte. Up to Linux 5.10 at most 512 bytes.
    Any {
        /// The largest size in bytes. The value counts too, unless each CPU has one.
        max_size: u32,
    },
    /// A 32-bit integer from 0 to `max_entries` - 1. A schema can leave it out.
    Index,
    /// Any 32-bit integer. A schema can leave it out.
    Number,
    /// A descriptor of the object to which the value is attached, a 32-bit integer. A schema can
    /// leave it out.
    Descriptor(Owner),
    /// The cgroup and how the program is attached to it, `struct bpf_cgroup_storage_key`; or the
    /// cgroup alone, a `u64`.
    CgroupStorage,
    /// A struct: a `u32` prefix length, then 1 to 256 bytes of data, most significant bit first.
    LpmPrefix,
    /// None.
    Keyless,
}

impl KeyRule {
    /// Whether a schema need not mention the key, since there is but one: a 32-bit integer.
    #[must_use]
    pub const fn is_implied(self) -> bool {
        matches!(self, Self::Index | Self::Number | Self::Descriptor(_))
    }
}

/// What a value is attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A socket.
    Socket,
    /// A file's inode.
    Inode,
    /// A task, by a pidfd.
    Task,
    /// A cgroup, by its directory.
    Cgroup,
}

/// The values that a map type accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueRule {
    /// Any type of 1 to `max_size` bytes.
    Plain {
        /// The largest size in bytes; per-CPU values count rounded up to 8.
        max_size: u32,
    },
    /// A kernel object, as a descriptor or a number of 4 bytes. A schema can leave it out.
    Object(KernelObject),
    /// The frames of a stack: 8 bytes each, or 32 with the flag `stack_build_id`.
    Stack,
    /// `struct bpf_insn_array_value`, 16 bytes. A schema can leave it out.
    Instruction,
    /// A struct of the kernel with functions: `bpf_struct_ops_NAME`.
    StructOps,
    /// None.
    Valueless,
}

impl ValueRule {
    /// The size in bytes of a value that a schema need not mention.
    #[must_use]
    pub fn implied_size(self) -> Option<u64> {
        match self {
            Self::Object(object) => object.value_sizes().first().copied(),
            Self::Instruction => Some(INSTRUCTION_SIZE.into()),
            Self::Plain { .. } | Self::Stack | Self::StructOps | Self::Valueless => None,
        }
    }
}

/// How many frames a stack can have where nobody has set `kernel.perf_event_max_stack`: a map of larger stacks is
/// EINVAL.
///
/// Source: `PERF_MAX_STACK_DEPTH` in `include/uapi/linux/perf_event.h`, `stack_map_alloc` in `kernel/bpf/stackmap.c`.
pub const DEFAULT_STACK_DEPTH: u64 = 127;

/// The size of `struct bpf_insn_array_value` in bytes, `include/uapi/linux/bpf.h`.
pub const INSTRUCTION_SIZE: u32 = 16;

/// What the entries of a map are when they are no plain data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelObject {
    /// A program to jump to. A lookup gives its id.
    Program,
    /// A perf event. User space can't read it back.
    PerfEvent,
    /// A cgroup. User space can't read it back.
    Cgroup,
    /// A map. A lookup gives its id.
    Map,
    /// A network interface, and, in a value of 8 bytes (Linux 5.8), a program for it.
    Device,
    /// A CPU's queue, and, in a value of 8 bytes (Linux 5.9), a program for it.
    Cpu,
    /// An `AF_XDP` socket. User space can't read it back.
    XdpSocket,
    /// A socket. A lookup gives its cookie, for which the value has 8 bytes.
    Socket,
    /// A socket that shares its port. A lookup gives its cookie, for which the value has 8 bytes.
    ReuseportSocket,
}

impl KernelObject {
    /// The sizes that a value can have; the first is meant where a schema does not mention it.
    #[must_use]
    pub const fn value_sizes(self) -> &'static [u64] {
        match self {
            Self::Program | Self::PerfEvent | Self::Cgroup | Self::Map | Self::XdpSocket => &[4],
            Self::Device | Self::Cpu => &[4, 8],
            Self::Socket | Self::ReuseportSocket => &[8, 4],
        }
    }

    /// The first kernel that takes a value of this size.
    #[must_use]
    pub const fn size_since(self, size: u64) -> KernelVersion {
        match (self, size) {
            (Self::Device, 8) => KernelVersion::new(5, 8),
            (Self::Cpu, 8) => KernelVersion::new(5, 9),
            (Self::Socket, 8) => KernelVersion::new(5, 7),
            _ => KernelVersion::new(3, 19),
        }
    }
}

/// The numbers that a map type accepts as `max_entries`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxEntriesRule {
    /// At least 1. A schema may leave it to the loader.
    AtLeastOne {
        /// The largest number.
        max: u32,
    },
    /// At least 1. Where nobody says how many, libbpf takes the number of possible CPUs.
    PerCpu,
    /// Bytes: a power of two, and a multiple of the page size, [`PAGE_SIZE`].
    Bytes,
    /// Pages: from 1 to `max`.
    Pages {
        /// The largest number.
        max: u32,
    },
    /// Exactly 1.
    One,
    /// 0: entries come and go with the objects that they belong to.
    Zero,
}

impl MaxEntriesRule {
    /// What the kernel is asked for where a schema says `said`, on a machine with pages of [`PAGE_SIZE`].
    #[must_use]
    pub const fn as_made(self, said: u32) -> u32 {
        self.as_made_of_pages(said, PAGE_SIZE)
    }

    /// What the kernel is asked for where a schema says `said`, on a machine with pages of `page` bytes: the bytes of a
    /// ring buffer become the next power of two that is whole pages.
    ///
    /// Source: libbpf from 1.0 on, `adjust_ringbuf_sz`; before, the kernel answers EINVAL.
    #[must_use]
    pub const fn as_made_of_pages(self, said: u32, page: u32) -> u32 {
        if !matches!(self, Self::Bytes) || said == 0 {
            return said;
        }
        match (if said < page { page } else { said }).checked_next_power_of_two() {
            Some(bytes) => bytes,
            None => said,
        }
    }
}

impl MapType {
    /// Returns the largest size of an event, in bytes, in a map of this type with this
    /// `max_entries`.
    #[must_use]
    pub const fn largest_event(&self, max_entries: Option<u32>) -> u64 {
        match (self.max_entries, max_entries) {
            (MaxEntriesRule::Bytes, Some(bytes)) => {
                (self.max_entries.as_made(bytes) as u64).saturating_sub(RECORD_ALIGN)
            }
            (MaxEntriesRule::Bytes, None) => (u32::MAX >> 2) as u64,
            _ => MAX_PERF_EVENT,
        }
    }
}

/// The alignment of records in a ring buffer, and the size of the header before each, in bytes.
///
/// Source: `BPF_RINGBUF_HDR_SZ` in `include/uapi/linux/bpf.h`.
pub const RECORD_ALIGN: u64 = 8;

/// The size of the largest perf record whose size fits the 16 bits that it has, less its header, its
/// own size and what pads it to a multiple of 8.
///
/// Source: `struct perf_event_header` in `include/uapi/linux/perf_event.h`, `perf_prepare_sample` in
/// `kernel/events/core.c`.
const MAX_PERF_EVENT: u64 = 65_528 - 8 - 4;

/// The largest buffer of records that `max_entries` has bits for, in bytes: a power of two.
pub const LARGEST_BUFFER: u32 = 1 << 31;

/// The size of a page in bytes, where kernels have the smallest.
pub const PAGE_SIZE: u32 = 4096;

/// The numbers that a map type accepts as `map_extra`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapExtraRule {
    /// Nothing but 0.
    Zero,
    /// How many hash functions a filter has, up to `max`; 0 leaves it to the kernel.
    HashFunctions {
        /// The largest number.
        max: u64,
    },
    /// The address in user space at which an arena is mapped, a multiple of the page size; 0 leaves
    /// it to the process that maps it first.
    Address,
    /// How many entries are expected, up to `max_entries` and `max`; 0 says nothing.
    ExpectedEntries {
        /// The largest number.
        max: u64,
    },
}

/// Whether the kernel accepts BTF for key and value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BtfRule {
    /// It may be there.
    Optional,
    /// Creation fails without it.
    Required,
    /// Creation fails with this errno. libbpf leaves the ids out of its call, and so must other
    /// callers.
    Refused(Errno),
    /// There is neither key nor value to describe.
    Nothing,
}

/// What records a map type carries, whose type a schema gives as `event`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventRule {
    /// None.
    Nothing,
    /// From programs to user space.
    ToUserSpace,
    /// From user space to programs.
    ToPrograms,
}

/// Whether a map of maps can hold a map of a type, and what must agree with its template beside
/// type, key size, value size and flags.
///
/// Source: `kernel/bpf/map_in_map.c`, `bpf_map_meta_alloc`, and the `map_meta_equal` of each type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InnerRule {
    /// None can: creation of the outer map fails with this errno.
    Refused(Errno),
    /// Maps of any number of entries.
    AnyEntries,
    /// Since this kernel, maps with as many entries as the template, or with any number if both
    /// have the flag `inner_map`.
    SameEntries(KernelVersion),
}
