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
mod helper;
mod memory;
mod programs;
mod requirement;
mod table;

pub use answer::{Answer, Answers, Case, Condition, Operation, OperationFacts, Since};
pub use capability::{BatchCursor, Capability};
pub use expected::MapTraits;
pub use flags::{MAP_FLAGS, MapFlag};
pub use helper::Helper;
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
    /// The privilege that is needed to create a map of this type.
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
    /// Special fields that a value may have, each with the first kernel that supports it in this
    /// map type. An older kernel silently treats the bytes as plain data.
    pub special_fields: &'static [(SpecialField, KernelVersion)],
    /// The operations of user space and their results. If a row omits an operation, the map type
    /// does not support it (ENOTSUPP).
    pub operations: &'static [OperationFacts],
    /// The helper functions that programs can call with a map of this type, each with the first kernel.
    pub helpers: &'static [(Helper, KernelVersion)],
    /// The records that the map transfers between programs and user space.
    pub events: EventRule,
    /// Whether a map of this type can be an inner map.
    pub as_inner: InnerRule,
    /// The position of a batched iteration between two calls.
    pub batch_cursor: BatchCursor,
    /// Flags that the kernel adds at creation and reports afterwards.
    pub added_flags: &'static [&'static str],
    /// Whether a full map drops an entry to make room for a new key.
    pub evicts: bool,
    /// Whether the kernel resizes the table of a map in use. Meanwhile, an iteration can miss entries and return others
    /// twice, without an error.
    pub resizes: bool,
    /// The map type that `include/uapi/linux/bpf.h` recommends in place of this one, if it calls this one deprecated.
    pub successor: Option<&'static str>,
    /// Files and functions of the kernel that are the sources of this row.
    pub sources: &'static [&'static str],
}

impl MapType {
    /// Returns the row of the map type with this name in a schema.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        MAP_TYPES.iter().find(|row| row.name == name)
    }

    /// If this map type is deprecated, returns the map type to use instead.
    #[must_use]
    pub fn successor(&self) -> Option<&'static Self> {
        Self::by_name(self.successor?)
    }

    /// Returns the name in `enum bpf_map_type`, such as `BPF_MAP_TYPE_HASH`.
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

    /// Returns the first kernel that supports `operation` on this type, or `None` if no kernel
    /// does.
    #[must_use]
    pub const fn operation_since(&self, operation: Operation) -> Option<KernelVersion> {
        self.succeeds_since(operation, Condition::Plain)
    }

    /// Returns the first kernel on which `operation` succeeds on this type under `condition`.
    /// Returns `None` if there is no such kernel or the table has no such case.
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

    /// Returns the first kernel that accepts `flag` (its name in a schema) when a map of this type
    /// is created, or `None` if no kernel does.
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

    /// Returns the suffixes of the C functions in the header with which programs process the events
    /// of a map of this type.
    #[must_use]
    pub fn event_functions(&self) -> &'static [&'static str] {
        match (self.events, self.value) {
            (EventRule::Nothing, _) => &[],
            (EventRule::ToUserSpace, ValueRule::Object(_)) => &["output"],
            (EventRule::ToUserSpace, _) => &["reserve", "submit", "discard", "output"],
            (EventRule::ToPrograms, _) => &["event", "drain"],
        }
    }

    /// Returns the first kernel that supports `field` in the value of a map of this type, or `None`
    /// if no kernel does.
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

/// The name of a constant in C: a prefix followed by the name in a schema in upper case.
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

/// The privilege that a process needs to create a map if `kernel.unprivileged_bpf_disabled` is 0.
/// For other values, which distributions usually set, every map type needs `CAP_BPF`.
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
    /// Any type of at least one byte. Up to Linux 5.10, the maximum is 512 bytes.
    Any {
        /// The maximum size in bytes. The size of the value counts against it too, except in
        /// per-CPU maps.
        max_size: u32,
    },
    /// A 32-bit integer from 0 to `max_entries` - 1. A schema can leave it out.
    Index,
    /// Any 32-bit integer. A schema can leave it out.
    Number,
    /// A descriptor of the object to which the value is attached, a 32-bit integer. A schema can
    /// leave it out.
    Descriptor(Owner),
    /// Either `struct bpf_cgroup_storage_key`, which contains the cgroup and the type of the
    /// program's attachment, or a `u64` with the cgroup only.
    CgroupStorage,
    /// A struct: a `u32` prefix length, then 1 to 256 bytes of data, most significant bit first.
    LpmPrefix,
    /// None.
    Keyless,
}

impl KeyRule {
    /// Returns whether a schema can leave out the key because its type is always a 32-bit integer.
    #[must_use]
    pub const fn is_implied(self) -> bool {
        matches!(self, Self::Index | Self::Number | Self::Descriptor(_))
    }
}

/// The sort of object to which a value is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A socket.
    Socket,
    /// A file's inode.
    Inode,
    /// A task, identified by a pidfd.
    Task,
    /// A cgroup, identified by a descriptor of its directory.
    Cgroup,
}

/// The values that a map type accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueRule {
    /// Any type of 1 to `max_size` bytes.
    Plain {
        /// The maximum size in bytes. In per-CPU maps, it applies to the size rounded up to a
        /// multiple of 8.
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
    /// Returns the size in bytes of a value that a schema can leave out, or `None` if a schema must
    /// declare the value.
    #[must_use]
    pub fn implied_size(self) -> Option<u64> {
        match self {
            Self::Object(object) => object.value_sizes().first().copied(),
            Self::Instruction => Some(INSTRUCTION_SIZE.into()),
            Self::Plain { .. } | Self::Stack | Self::StructOps | Self::Valueless => None,
        }
    }
}

/// The maximum number of frames of a stack with the default value of `kernel.perf_event_max_stack`.
/// Creating a map of larger stacks fails with EINVAL.
///
/// Source: `PERF_MAX_STACK_DEPTH` in `include/uapi/linux/perf_event.h`, `stack_map_alloc` in `kernel/bpf/stackmap.c`.
pub const DEFAULT_STACK_DEPTH: u64 = 127;

/// The size of `struct bpf_insn_array_value` in bytes, `include/uapi/linux/bpf.h`.
pub const INSTRUCTION_SIZE: u32 = 16;

/// The sort of kernel object that the entries of a map hold instead of plain data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelObject {
    /// A program to jump to. A lookup returns its id.
    Program,
    /// A perf event. User space can't read it back.
    PerfEvent,
    /// A cgroup. User space can't read it back.
    Cgroup,
    /// A map. A lookup returns its id.
    Map,
    /// A network interface, and, in a value of 8 bytes (Linux 5.8), a program for it.
    Device,
    /// A CPU's queue, and, in a value of 8 bytes (Linux 5.9), a program for it.
    Cpu,
    /// An `AF_XDP` socket. User space can't read it back.
    XdpSocket,
    /// A socket. A lookup returns its cookie, which needs a value of 8 bytes.
    Socket,
    /// A socket that shares its port. A lookup returns its cookie, which needs a value of 8 bytes.
    ReuseportSocket,
}

impl KernelObject {
    /// Returns the sizes that a value can have. The first is the default for a schema that does not
    /// declare the value.
    #[must_use]
    pub const fn value_sizes(self) -> &'static [u64] {
        match self {
            Self::Program | Self::PerfEvent | Self::Cgroup | Self::Map | Self::XdpSocket => &[4],
            Self::Device | Self::Cpu => &[4, 8],
            Self::Socket | Self::ReuseportSocket => &[8, 4],
        }
    }

    /// Returns the first kernel that accepts a value of this size.
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
    /// At least 1. If neither the schema nor the loader sets a number, libbpf uses the number of
    /// possible CPUs.
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
    /// 0, because each entry is created and deleted together with the object to which it belongs.
    Zero,
}

impl MaxEntriesRule {
    /// Returns the `max_entries` with which a map is created if its schema says `said`, on a
    /// machine with pages of [`PAGE_SIZE`].
    #[must_use]
    pub const fn as_made(self, said: u32) -> u32 {
        self.as_made_of_pages(said, PAGE_SIZE)
    }

    /// Returns the `max_entries` with which a map is created if its schema says `said`, on a
    /// machine with pages of `page` bytes. The size of a ring buffer is rounded up to a power of
    /// two of at least one page.
    ///
    /// Source: `adjust_ringbuf_sz` in libbpf from 1.0 on. With older versions, the kernel answers
    /// EINVAL.
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
    /// Returns the maximum size in bytes of an event in a map of this type with this `max_entries`.
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

/// The maximum size of an event in a perf record. The size of a record must fit in 16 bits, and
/// includes the header, the event's size field and padding to a multiple of 8.
///
/// Source: `struct perf_event_header` in `include/uapi/linux/perf_event.h`, `perf_prepare_sample` in
/// `kernel/events/core.c`.
const MAX_PERF_EVENT: u64 = 65_528 - 8 - 4;

/// The maximum size of a ring buffer in bytes: the largest power of two that fits in `max_entries`.
pub const LARGEST_BUFFER: u32 = 1 << 31;

/// The smallest page size of any kernel, in bytes.
pub const PAGE_SIZE: u32 = 4096;

/// The numbers that a map type accepts as `map_extra`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapExtraRule {
    /// Only 0.
    Zero,
    /// The number of hash functions of a filter, at most `max`. With 0, the kernel chooses.
    HashFunctions {
        /// The largest number.
        max: u64,
    },
    /// The address in user space at which an arena is mapped, a multiple of the page size. With 0,
    /// the first process that maps the arena chooses.
    Address,
    /// The number of expected entries, at most `max_entries` and at most `max`. 0 means
    /// unspecified.
    ExpectedEntries {
        /// The largest number.
        max: u64,
    },
}

/// Whether the kernel accepts BTF for key and value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BtfRule {
    /// BTF is accepted and not required.
    Optional,
    /// Creation fails without it.
    Required,
    /// Creation with BTF fails with this errno. libbpf creates such maps without BTF ids, and other
    /// callers must do the same.
    Refused(Errno),
    /// There is neither key nor value to describe.
    Nothing,
}

/// The direction of the records that a map type transfers. A schema declares the type of the
/// records as `event`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventRule {
    /// None.
    Nothing,
    /// From programs to user space.
    ToUserSpace,
    /// From user space to programs.
    ToPrograms,
}

/// Whether a map of maps can hold maps of a type, and which properties must match the template in
/// addition to type, key size, value size and flags.
///
/// Source: `kernel/bpf/map_in_map.c`, `bpf_map_meta_alloc`, and the `map_meta_equal` of each type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InnerRule {
    /// No map of this type can be an inner map. Creation of the outer map fails with this errno.
    Refused(Errno),
    /// Maps of any number of entries.
    AnyEntries,
    /// Since this kernel, maps with as many entries as the template, or with any number if both
    /// have the flag `inner_map`.
    SameEntries(KernelVersion),
}
