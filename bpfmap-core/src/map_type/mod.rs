//! The kernel's rules for each map type, as data.
//!
//! The table [`MAP_TYPES`] has a row for each map type. A row contains the rules for key, value and `max_entries`, the
//! flags that the map type accepts, and the results of each operation on each kernel. All other parts of bpfmap use
//! this table: the checks of a schema, the methods of a typed map, the expectations of fixture tests and the reference
//! pages.
//!
//! If a real kernel behaves differently from the table, correct the row in the table.

mod answer;
mod architecture;
mod capability;
mod expected;
mod flags;
mod helper;
mod memory;
mod programs;
mod requirement;
mod table;

pub use answer::{Answer, Answers, Case, Condition, Operation, OperationFacts, Since};
pub use architecture::{
    ARCHITECTURE_EXCEPTIONS, Architecture, ArchitectureException, ArchitectureFeature,
};
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
    /// The name of the map type in a schema, such as `hash` for `BPF_MAP_TYPE_HASH`.
    pub name: &'static str,
    /// The number of the map type in `enum bpf_map_type` (`include/uapi/linux/bpf.h`).
    pub number: u32,
    /// The first mainline release that supports the map type.
    pub since: KernelVersion,
    /// A short description of the map type.
    pub summary: &'static str,
    /// The privilege that is needed to create a map of this type.
    pub privilege: Privilege,
    /// Whether each possible CPU has its own value. If so, user space reads and writes the values of all CPUs together,
    /// as `round_up(value_size, 8) × possible CPUs` bytes.
    pub per_cpu: bool,
    /// The rule for keys.
    pub key: KeyRule,
    /// The rule for values.
    pub value: ValueRule,
    /// The rule for `max_entries`.
    pub max_entries: MaxEntriesRule,
    /// The formula for the memory that the entries need.
    pub memory: MemoryRule,
    /// The rule for `map_extra`.
    pub map_extra: MapExtraRule,
    /// The names of the flags without which creating a map fails.
    pub required_flags: &'static [&'static str],
    /// The flags that a map of this type can have. Each flag is given by its name in a schema and the first kernel that
    /// accepts it.
    pub flags: &'static [(&'static str, KernelVersion)],
    /// The rule for BTF that describes key and value.
    pub btf: BtfRule,
    /// The special fields that a value can have, each with the first kernel that supports the field in this map type.
    /// An older kernel silently treats the bytes of the field as plain data.
    pub special_fields: &'static [(SpecialField, KernelVersion)],
    /// The operations of user space and their results. If an operation is not in this list, the map type does not
    /// support the operation (ENOTSUPP).
    pub operations: &'static [OperationFacts],
    /// The helper functions that programs can call with a map of this type. Each function is listed
    /// with the first kernel that allows the call.
    pub helpers: &'static [(Helper, KernelVersion)],
    /// The direction of the records that the map transfers between programs and user space.
    pub events: EventRule,
    /// The rule for maps of this type as inner maps.
    pub as_inner: InnerRule,
    /// The kind of position that a batched iteration keeps between two calls.
    pub batch_cursor: BatchCursor,
    /// The names of the flags that the kernel itself adds when it creates a map. The kernel reports these flags
    /// afterwards.
    pub added_flags: &'static [&'static str],
    /// Whether a full map removes an old entry to make room for a new key.
    pub evicts: bool,
    /// Whether the kernel resizes the table of a map while the map is in use. During a resize, an iteration can miss
    /// entries or return entries twice, without an error.
    pub resizes: bool,
    /// The map type that replaces this map type, if `include/uapi/linux/bpf.h` marks this map type as deprecated.
    pub successor: Option<&'static str>,
    /// The files and functions of the kernel from which the facts in this row come.
    pub sources: &'static [&'static str],
}

impl MapType {
    /// Returns the row of the map type with this name in a schema, or `None` if there is no such map type.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        MAP_TYPES.iter().find(|row| row.name == name)
    }

    /// If this map type is deprecated, returns the map type that replaces it.
    #[must_use]
    pub fn successor(&self) -> Option<&'static Self> {
        Self::by_name(self.successor?)
    }

    /// Returns the name of the map type in C, such as `BPF_MAP_TYPE_HASH`.
    #[must_use]
    pub const fn c_name(&self) -> CName {
        CName { prefix: "BPF_MAP_TYPE_", name: self.name }
    }

    /// Returns the facts about `operation` on maps of this type.
    ///
    /// # Panics
    ///
    /// Never panics, because a test checks that each operation has facts.
    #[must_use]
    pub fn operation(&self, operation: Operation) -> &'static OperationFacts {
        self.operations
            .iter()
            .chain(table::LACKING)
            .find(|facts| facts.operation == operation)
            .expect("each operation has facts")
    }

    /// Returns the first kernel that supports `operation` on maps of this type, or `None` if no kernel does.
    #[must_use]
    pub const fn operation_since(&self, operation: Operation) -> Option<KernelVersion> {
        self.succeeds_since(operation, Condition::Plain)
    }

    /// Returns the first kernel on which `operation` succeeds under `condition` on maps of this type. Returns `None` if
    /// it succeeds on no kernel, or if the table has no case for the condition.
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

    /// Returns the first kernel that accepts `flag` for maps of this type, or `None` if no kernel does. `flag` is the
    /// name of a flag in a schema.
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

    /// Returns the suffixes, such as `reserve`, of the C functions for the events of a map of this
    /// type. The generated header contains these functions.
    #[must_use]
    pub fn event_functions(&self) -> &'static [&'static str] {
        match (self.events, self.value) {
            (EventRule::Nothing, _) => &[],
            (EventRule::ToUserSpace, ValueRule::Object(_)) => &["output"],
            (EventRule::ToUserSpace, _) => &["reserve", "submit", "discard", "output"],
            (EventRule::ToPrograms, _) => &["event", "drain"],
        }
    }

    /// Returns the first kernel that supports `field` in the values of maps of this type, or `None` if no kernel does.
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

/// The name of a constant in C. It consists of a prefix and the upper-case form of the name in a schema.
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

/// The privilege that a process needs to create a map if the sysctl `kernel.unprivileged_bpf_disabled` is 0. For all
/// other values of this sysctl, which most distributions use, every map type requires `CAP_BPF`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privilege {
    /// No privilege is needed.
    None,
    /// The process needs `CAP_BPF`, or `CAP_SYS_ADMIN` before Linux 5.8.
    Bpf,
    /// The process needs `CAP_NET_ADMIN`.
    NetAdmin,
}

/// The keys that a map type accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRule {
    /// The key can be of any type with at least one byte. Up to Linux 5.10, it can have at most 512 bytes.
    Any {
        /// The maximum size in bytes. In maps other than per-CPU maps, this limit applies to the
        /// total size of key and value.
        max_size: u32,
    },
    /// The key is a 32-bit integer from 0 to `max_entries` - 1. A schema can leave out the key.
    Index,
    /// The key can be any 32-bit integer. A schema can leave out the key.
    Number,
    /// The key is a 32-bit integer: the file descriptor of the object to which the value is attached. A schema can
    /// leave out the key.
    Descriptor(Owner),
    /// The key is either a `struct bpf_cgroup_storage_key`, which contains the inode number of the cgroup and the
    /// attach type of the program, or a `u64` with only the inode number.
    CgroupStorage,
    /// The key is a struct with a `u32` prefix length, followed by 1 to 256 bytes of data. The most significant bit of
    /// the data comes first.
    LpmPrefix,
    /// The map has no keys.
    Keyless,
}

impl KeyRule {
    /// Returns whether a schema can leave out the key, because the key is always a 32-bit integer.
    #[must_use]
    pub const fn is_implied(self) -> bool {
        matches!(self, Self::Index | Self::Number | Self::Descriptor(_))
    }
}

/// The kind of object to which a value is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A socket.
    Socket,
    /// The inode of a file.
    Inode,
    /// A task, which user space identifies by a pidfd.
    Task,
    /// A cgroup, which user space identifies by a file descriptor of its directory.
    Cgroup,
}

/// The values that a map type accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueRule {
    /// The value can be of any type with 1 to `max_size` bytes.
    Plain {
        /// The maximum size in bytes. In per-CPU maps, the size is rounded up to a multiple of 8 before it is compared
        /// with the maximum.
        max_size: u32,
    },
    /// The value is a 4-byte file descriptor or ID that refers to a kernel object. A schema can
    /// leave out the value.
    Object(KernelObject),
    /// The value is an array of stack frames. Each frame has 8 bytes, or 32 bytes if the map has
    /// the flag `stack_build_id`.
    Stack,
    /// The value is a `struct bpf_insn_array_value` of 16 bytes. A schema can leave out the value.
    Instruction,
    /// The value is the kernel struct `bpf_struct_ops_NAME`, which contains functions.
    StructOps,
    /// The map has no values.
    Valueless,
}

impl ValueRule {
    /// Returns the size of the value in bytes if a schema can leave out the value. Returns `None` if a schema must
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

/// The maximum number of frames of a stack if the sysctl `kernel.perf_event_max_stack` has its default value. Creating
/// a map with larger stacks fails with EINVAL.
///
/// Source: `PERF_MAX_STACK_DEPTH` in `include/uapi/linux/perf_event.h`, `stack_map_alloc` in `kernel/bpf/stackmap.c`.
pub const DEFAULT_STACK_DEPTH: u64 = 127;

/// The size of `struct bpf_insn_array_value` in bytes. Source: `include/uapi/linux/bpf.h`.
pub const INSTRUCTION_SIZE: u32 = 16;

/// The kind of kernel object that the entries of a map contain instead of plain data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelObject {
    /// A program that other programs can tail-call. A lookup returns the ID of the program.
    Program,
    /// A perf event. User space can't look it up.
    PerfEvent,
    /// A cgroup. User space can't look it up.
    Cgroup,
    /// A map. A lookup returns the ID of the map.
    Map,
    /// A network interface. A value of 8 bytes (since Linux 5.8) also contains a program for this interface.
    Device,
    /// The queue of a CPU. A value of 8 bytes (since Linux 5.9) also contains a program for this queue.
    Cpu,
    /// An `AF_XDP` socket. User space can't look it up.
    XdpSocket,
    /// A socket. A lookup returns the cookie of the socket, which requires a value size of 8 bytes.
    Socket,
    /// A socket that shares its port with other sockets. A lookup returns the cookie of the socket, which requires a
    /// value size of 8 bytes.
    ReuseportSocket,
}

impl KernelObject {
    /// Returns the possible sizes of a value in bytes. If a schema does not declare the value, the first size is used.
    #[must_use]
    pub const fn value_sizes(self) -> &'static [u64] {
        match self {
            Self::Program | Self::PerfEvent | Self::Cgroup | Self::Map | Self::XdpSocket => &[4],
            Self::Device | Self::Cpu => &[4, 8],
            Self::Socket | Self::ReuseportSocket => &[8, 4],
        }
    }

    /// Returns the first kernel that accepts a value of `size` bytes.
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
    /// `max_entries` must be at least 1. A schema can leave the number to the loader.
    AtLeastOne {
        /// The maximum.
        max: u32,
    },
    /// `max_entries` must be at least 1. If neither the schema nor the loader sets it, libbpf uses the number of
    /// possible CPUs.
    PerCpu,
    /// `max_entries` is a number of bytes. It must be a power of two and a multiple of the page size, [`PAGE_SIZE`].
    Bytes,
    /// `max_entries` is a number of pages from 1 to `max`.
    Pages {
        /// The maximum.
        max: u32,
    },
    /// `max_entries` must be 1.
    One,
    /// `max_entries` must be 0, because the entries belong to objects of the kernel and are deleted together with these
    /// objects.
    Zero,
}

impl MaxEntriesRule {
    /// Returns the `max_entries` with which libbpf creates a map if the schema sets the number to
    /// `said`, on a machine with pages of [`PAGE_SIZE`] bytes.
    #[must_use]
    pub const fn as_made(self, said: u32) -> u32 {
        self.as_made_of_pages(said, PAGE_SIZE)
    }

    /// Returns the `max_entries` with which libbpf creates a map if the schema sets the number to
    /// `said`, on a machine with pages of `page` bytes. The size of a ring buffer is rounded up to
    /// a power of two of at least one page.
    ///
    /// Source: `adjust_ringbuf_sz` in libbpf from 1.0 on. Older versions do not round up, and the kernel returns
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
    /// Returns the maximum size of an event in bytes, in a map of this type with this `max_entries`.
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

/// The alignment of the records in a ring buffer, in bytes. The header before each record also has
/// 8 bytes.
///
/// Source: `BPF_RINGBUF_HDR_SZ` in `include/uapi/linux/bpf.h`.
pub const RECORD_ALIGN: u64 = 8;

/// The maximum size of an event in a perf record, in bytes. The size of the record must fit in 16 bits. The record also
/// contains a header, the size of the event, and padding to a multiple of 8 bytes.
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
    /// `map_extra` must be 0.
    Zero,
    /// `map_extra` is the number of hash functions of a filter, which is at most `max`. If it is 0, the kernel chooses
    /// the number.
    HashFunctions {
        /// The maximum.
        max: u64,
    },
    /// `map_extra` is the address in user space at which an arena is mapped. It must be a multiple of the page size. If
    /// it is 0, the first process that maps the arena chooses the address.
    Address,
    /// `map_extra` is the expected number of entries, which is at most `max_entries` and at most `max`. If it is 0, the
    /// expected number is unspecified.
    ExpectedEntries {
        /// The maximum.
        max: u64,
    },
}

/// The rule for creating a map with BTF for key and value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BtfRule {
    /// The kernel accepts BTF, but does not require it.
    Optional,
    /// Creating a map without BTF fails.
    Required,
    /// Creating a map with BTF fails with this errno. libbpf does not pass BTF IDs for such maps, and other loaders
    /// must do the same.
    Refused(Errno),
    /// The map has neither a key nor a value, so BTF has nothing to describe.
    Nothing,
}

/// The direction of the records that a map type transfers. A schema declares the type of the
/// records as `event`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventRule {
    /// The map type does not transfer records.
    Nothing,
    /// Programs write records, and user space reads them.
    ToUserSpace,
    /// User space writes records, and programs read them.
    ToPrograms,
}

/// The rule for maps of a type as inner maps. It states whether a map of maps can contain maps of the type, and whether
/// `max_entries` must match the template. The map type, the key size, the value size and the flags must always match.
///
/// Source: `kernel/bpf/map_in_map.c`, `bpf_map_meta_alloc`, and the `map_meta_equal` of each type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InnerRule {
    /// A map of this type can't be an inner map. Creating the outer map fails with this errno.
    Refused(Errno),
    /// An inner map can have any number of entries.
    AnyEntries,
    /// From this kernel on, an inner map must have as many entries as the template. If both maps
    /// have the flag `inner_map`, the numbers can differ.
    SameEntries(KernelVersion),
}
