//! Holding what a schema declares against a map: one that is live, or one that an object file describes.
//!
//! ```no_run
//! use bpfmap::TypeDesc;
//! use bpfmap::{MapDef, verify};
//!
//! # fn f(map: std::os::fd::BorrowedFd<'_>) -> bpfmap::Result<()> {
//! let declared = MapDef::new("counters", 1, TypeDesc::U32, TypeDesc::U64);
//! for difference in verify::live(&declared, map)?.differences {
//!     // value.stats[].rx_bytes: offset 16, schema says 8
//!     println!("{difference}");
//! }
//! # Ok(())
//! # }
//! ```

pub use crate::difference::Difference;

use crate::MapDef;
use crate::btf::{self, Accept};
use crate::error::{Error, Operation, Result};
use crate::kind::{MapType, added_flags, entries, type_name};
use crate::map::{Info, LayoutCheck, btf_blob, is_placeholder, kernel_name, not_created};
use crate::possible_cpus;
use crate::sys::Errno;
use bpfmap_btf::Btf;
use bpfmap_core::MapFlags;
use bpfmap_core::TypeDesc;
use std::os::fd::BorrowedFd;

/// A map that was held against a schema.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verified {
    /// Each difference; none: the map is what the schema says.
    pub differences: Vec<Difference>,
    /// Whether the layout of keys and values could be compared.
    pub layout_check: LayoutCheck,
    /// What the kernel says of the map.
    pub info: Info,
}

/// The attributes of a map, wherever they were read.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Attributes {
    /// The number of the map type.
    pub map_type: u32,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value; of a per-CPU map, of one CPU's.
    pub value_size: u32,
    /// How many entries; `None`: it isn't said.
    pub max_entries: Option<u32>,
    /// Flags of the creation.
    pub flags: MapFlags,
    /// What the map type takes it for.
    pub map_extra: u64,
}

impl Attributes {
    /// Returns the attributes of a map of this type and these sizes, without flags and with no number of entries said.
    #[must_use]
    pub fn new(map_type: u32, key_size: u32, value_size: u32) -> Self {
        let (max_entries, flags, map_extra) = (None, MapFlags::empty(), 0);
        Self { map_type, key_size, value_size, max_entries, flags, map_extra }
    }
}

/// Holds the map of a descriptor against a declaration: type, sizes, `max_entries` where the schema says how many,
/// flags, `map_extra`, and, where the map has BTF, the layout of key and value member by member, as opening does: where
/// the schema says what an older map has ([`TypeDesc::Evolved`]), that is no
/// difference. The name isn't compared: [`name`] does.
///
/// # Errors
/// The kernel's info or BTF of the map can't be read. A difference is no error.
pub fn live(declared: &MapDef<'_>, fd: BorrowedFd<'_>) -> Result<Verified> {
    compared(declared, fd, Accept::Older)
}

/// The same, of a map of this very schema.
pub(crate) fn live_of_this(declared: &MapDef<'_>, fd: BorrowedFd<'_>) -> Result<Verified> {
    compared(declared, fd, Accept::Same)
}

fn compared(declared: &MapDef<'_>, fd: BorrowedFd<'_>, accept: Accept) -> Result<Verified> {
    let failed = |operation, errno, text: &str| {
        Error::refused(operation, declared.name, errno, text.to_owned())
    };
    let info = Info::of_map(fd).map_err(|errno| {
        if errno == Errno(libc::EINVAL) && is_placeholder(fd) {
            return not_created(declared);
        }
        let text = if errno == Errno(libc::EINVAL) {
            "the descriptor does not belong to a map"
        } else {
            ""
        };
        failed(Operation::Info, errno, text)
    })?;
    let real = Attributes {
        map_type: info.map_type,
        key_size: info.key_size,
        value_size: info.value_size,
        max_entries: Some(info.max_entries),
        flags: info.flags,
        map_extra: info.map_extra,
    };
    let mut differences = attributes(declared, &real)?;
    let mut layout_check = LayoutCheck::NoBtf;
    if declared.btf && info.btf_id != 0 {
        match btf_blob(info.btf_id) {
            Err(Errno(libc::EPERM | libc::EACCES)) => layout_check = LayoutCheck::NotPermitted,
            Err(errno) => return Err(failed(Operation::Open, errno, "its BTF can't be read")),
            Ok(blob) => match Btf::parse(&blob) {
                Err(error) => differences.push(Difference::new("BTF", error.to_string())),
                Ok(btf) => {
                    let types = (info.btf_key_type_id, info.btf_value_type_id);
                    if types != (0, 0) {
                        layout_check = LayoutCheck::Agrees;
                    }
                    differences.extend(types_of(declared, &btf, types, accept));
                }
            },
        }
    }
    Ok(Verified { differences, layout_check, info })
}

/// Holds the attributes of a map against a declaration.
///
/// # Errors
/// The number of possible CPUs, on which the `max_entries` of some map types depend, can't be learnt.
pub fn attributes(declared: &MapDef<'_>, real: &Attributes) -> Result<Vec<Difference>> {
    let facts = MapType::by_number(declared.map_type);
    let mut differences = Vec::new();
    if real.map_type != declared.map_type {
        let text =
            format!("{}, schema says {}", type_name(real.map_type), type_name(declared.map_type));
        differences.push(Difference::new("type", text));
    }
    let mut differ = |what: &str, theirs: u64, ours: u64| {
        if theirs != ours {
            differences.push(Difference::new(what, format!("{theirs}, schema says {ours}")));
        }
    };
    if !declared.key.is_set_by_loader() {
        differ("key_size", real.key_size.into(), declared.key_size());
    }
    if !facts.is_some_and(MapType::has_kernel_value) && !declared.value.is_set_by_loader() {
        differ("value_size", real.value_size.into(), declared.value_size());
    }
    // An object file says the number as its author did, too.
    let made = |said: Option<u32>| match (facts, said) {
        (Some(facts), Some(said)) => entries(facts, Some(said)),
        (_, said) => Ok(said),
    };
    if let (Some(theirs), Some(expected)) = (made(real.max_entries)?, made(declared.max_entries)?) {
        if theirs != expected {
            let rounded = if declared.flags.contains(MapFlags::NO_COMMON_LRU) {
                u64::from(expected).next_multiple_of(possible_cpus()? as u64)
            } else {
                u64::from(expected)
            };
            differ("max_entries", theirs.into(), rounded);
        }
    }
    differ("map_extra", real.map_extra, declared.map_extra);
    // Where the memory is, and what a descriptor may do, is no part of the contract.
    let added = facts.map_or(MapFlags::empty(), added_flags);
    let ignored = crate::migrate::PLACEMENT.union(added);
    let (theirs, ours) = (real.flags.difference(ignored), declared.flags.difference(ignored));
    if theirs != ours {
        differences.push(Difference::new("flags", format!("{theirs}, schema says {ours}")));
    }
    Ok(differences)
}

/// Holds the name that the kernel shows of a map against a declaration: it keeps the first 15 bytes.
#[must_use]
pub fn name(declared: &MapDef<'_>, real: &str) -> Option<Difference> {
    let cut = kernel_name(declared.name);
    let expected = String::from_utf8_lossy(&cut);
    let expected = expected.trim_end_matches('\0');
    (real != expected)
        .then(|| Difference::new("name", format!("`{real}`, schema says `{expected}`")))
}

/// Holds the types of key and value, by their ids in some BTF (0: none), against a declaration: of an object that was
/// made of this very schema. Unlike [`live`] it takes no older name of a member.
#[must_use]
pub fn types(declared: &MapDef<'_>, btf: &Btf<'_>, (key, value): (u32, u32)) -> Vec<Difference> {
    types_of(declared, btf, (key, value), Accept::Same)
}

/// Compares the type of a map's events, by its id in the BTF of an object ([`Btf::map_event`]), with a declaration. Like
/// [`types`] it takes no older name of a member. A declaration without an event has no differences.
#[must_use]
pub fn event(declared: &MapDef<'_>, btf: &Btf<'_>, type_id: u32) -> Vec<Difference> {
    event_of(declared, btf, type_id, Accept::Same)
}

/// Compares the type of a map's events as opening does: in the BTF of the map's object, where a member may have its
/// older name.
pub(crate) fn event_at_opening(
    declared: &MapDef<'_>,
    btf: &Btf<'_>,
    type_id: u32,
) -> Vec<Difference> {
    event_of(declared, btf, type_id, Accept::Older)
}

/// Compares types in some BTF as opening does, where a member may have its older name.
pub(crate) fn types_at_opening(
    declared: &MapDef<'_>,
    btf: &Btf<'_>,
    types: (u32, u32),
) -> Vec<Difference> {
    types_of(declared, btf, types, Accept::Older)
}

fn event_of(declared: &MapDef<'_>, btf: &Btf<'_>, type_id: u32, accept: Accept) -> Vec<Difference> {
    if matches!(declared.event, TypeDesc::Void) {
        return Vec::new();
    }
    btf::compare("event", declared.event, btf, type_id, accept)
}

fn types_of(
    declared: &MapDef<'_>,
    btf: &Btf<'_>,
    (key, value): (u32, u32),
    accept: Accept,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    for (path, layout, type_id) in [("key", declared.key, key), ("value", declared.value, value)] {
        if type_id != 0 && !layout.is_set_by_loader() {
            differences.extend(btf::compare(path, layout, btf, type_id, accept));
        }
    }
    differences
}

/// How many differences an error shows.
const SHOWN: usize = 5;

/// The first differences, and how many more there are.
pub(crate) fn list(differences: &[Difference]) -> String {
    let shown: Vec<String> = differences.iter().take(SHOWN).map(Difference::to_string).collect();
    let shown = shown.join("; ");
    match differences.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}
