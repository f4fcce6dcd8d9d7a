//! What the kernel says about each map type, as data.
//!
//! One row a map type ([`MAP_TYPES`]): the rules for its key, value and `max_entries`, the flags it
//! takes, and what each operation answers, kernel by kernel. The checks of a schema, the kernels
//! a schema needs, the methods of a typed map, what a fixture test expects and the tables of the
//! documentation all ask this one table.
//!
//! Where a real kernel says otherwise, the kernel is right: correct the row.

mod answer;
mod errno;
mod flags;
mod table;

pub use crate::kernel::{KernelVersion, MATRIX, ParseKernelVersionError};
pub use answer::{Answer, Answers, Case, Condition, Operation, OperationFacts, Since};
pub use errno::Errno;
pub use flags::{MAP_FLAGS, MapFlag};
pub use table::MAP_TYPES;

use crate::ir::SpecialField;

/// A row of the table: one map type.
#[derive(Debug)]
pub struct MapTypeFacts {
    /// Its name in a schema: `hash` for `BPF_MAP_TYPE_HASH`.
    pub name: &'static str,
    /// Its number, `enum bpf_map_type` in `include/uapi/linux/bpf.h`.
    pub number: u32,
    /// The first mainline release that has it.
    pub since: KernelVersion,
    /// What it is, in one sentence.
    pub summary: &'static str,
    /// What creating one asks of the process.
    pub privilege: Privilege,
    /// Whether each possible CPU has a value of its own. User space then reads and writes
    /// `round_up(value_size, 8) × possible CPUs` bytes.
    pub per_cpu: bool,
    /// What a key may be.
    pub key: KeyRule,
    /// What a value may be.
    pub value: ValueRule,
    /// What `max_entries` may be.
    pub max_entries: MaxEntriesRule,
    /// What `map_extra` may be.
    pub map_extra: MapExtraRule,
    /// Flags without which creation fails.
    pub required_flags: &'static [&'static str],
    /// Flags that creation takes, by their names in a schema, each with its first kernel.
    pub flags: &'static [(&'static str, KernelVersion)],
    /// Whether key and value may be described by BTF.
    pub btf: BtfRule,
    /// Special fields that a value may have, each with the first kernel that knows it there. An
    /// older kernel takes the bytes as plain data without a word.
    pub special_fields: &'static [(SpecialField, KernelVersion)],
    /// What user space can do, and what it is answered.
    pub operations: &'static [OperationFacts],
    /// Kernel files and functions that the row was read from.
    pub sources: &'static [&'static str],
}

impl MapTypeFacts {
    /// The row of the map type that a schema calls `name`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        MAP_TYPES.iter().find(|row| row.name == name)
    }

    /// The name in `enum bpf_map_type`: `BPF_MAP_TYPE_HASH`.
    #[must_use]
    pub fn c_name(&self) -> String {
        format!("BPF_MAP_TYPE_{}", self.name.to_uppercase())
    }

    /// What the kernel says about `operation` on this type.
    ///
    /// # Panics
    ///
    /// Never: a test holds that each row speaks of each operation.
    #[must_use]
    pub fn operation(&self, operation: Operation) -> &'static OperationFacts {
        self.operations
            .iter()
            .find(|facts| facts.operation == operation)
            .expect("each row has each operation")
    }

    /// The first kernel that carries `operation` out on this type; `None` when none does.
    #[must_use]
    pub fn operation_since(&self, operation: Operation) -> Option<KernelVersion> {
        self.operation(operation).since().map(|since| since.max(self.since))
    }

    /// The first kernel whose creation takes the flag that a schema calls `flag`, if any does.
    #[must_use]
    pub fn flag_since(&self, flag: &str) -> Option<KernelVersion> {
        self.flags.iter().find(|(name, _)| *name == flag).map(|(_, since)| *since)
    }

    /// The first kernel that knows `field` in a value of this type, if any does.
    #[must_use]
    pub fn special_field_since(&self, field: &SpecialField) -> Option<KernelVersion> {
        self.special_fields.iter().find(|(known, _)| known == field).map(|(_, since)| *since)
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

/// What a map type takes as key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRule {
    /// Any type of at least a byte. Up to Linux 5.10 at most 512 bytes.
    Any,
    /// A 32-bit integer that counts from 0 to `max_entries` - 1. A schema need not mention it.
    Index,
    /// A struct: a `u32` prefix length, then 1 to 256 bytes of data, most significant bit first.
    LpmPrefix,
    /// None.
    Keyless,
}

/// What a map type takes as value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueRule {
    /// Any type of 1 to `max_size` bytes.
    Plain {
        /// The largest size in bytes; per-CPU values count rounded up to 8.
        max_size: u32,
    },
}

/// What a map type takes as `max_entries`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxEntriesRule {
    /// At least 1. A schema may leave it to the loader.
    AtLeastOne {
        /// The largest number.
        max: u32,
    },
}

/// What a map type takes as `map_extra`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapExtraRule {
    /// Nothing but 0.
    Zero,
}

/// Whether the kernel takes BTF for key and value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BtfRule {
    /// It may be there.
    Optional,
    /// Creation fails with this errno; libbpf leaves the ids out of its call, and so must whoever
    /// makes the call by hand.
    Refused(Errno),
}
