//! Compares a declaration with a live map, or with a map in an object file.
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

pub use crate::user_space::difference::Difference;

use crate::MapDef;
use crate::kind::{MapType, added_flags, entries, type_name};
use crate::user_space::btf::{self, Accept};
use crate::user_space::error::{Action, Error, Result};
use crate::user_space::map::{
    Info, LayoutCheck, btf_blob, is_placeholder, kernel_name, not_created,
};
use crate::user_space::possible_cpus;
use crate::user_space::sys::Errno;
use bpfmap_btf::Btf;
use bpfmap_core::MapFlags;
use bpfmap_core::TypeDesc;
use std::os::fd::BorrowedFd;

/// The result of comparing a map with a schema.
///
/// ```
/// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
/// use bpfmap::{BpfMap, LayoutCheck, LiveMap, MapSpec, verify};
/// use std::os::fd::AsFd;
///
/// #[derive(BpfMap)]
/// #[bpf_map(hash, name = "counters", max_entries = 8)]
/// struct Old {
///     key: u32,
///     value: u32,
/// }
///
/// #[derive(BpfMap)]
/// #[bpf_map(hash, name = "counters", max_entries = 8)]
/// struct New {
///     key: u32,
///     value: u64,
/// }
///
/// let live = LiveMap::create(&Old::DEF)?;
/// let verified: verify::Verified = verify::live(&New::DEF, live.as_fd())?;
/// assert_eq!(verified.info.id, live.info().id);
/// assert_eq!(verified.layout_check, LayoutCheck::Agrees, "the map has BTF");
/// let first: &verify::Difference = &verified.differences[0];
/// assert_eq!((first.path.as_str(), first.text.as_str()), ("value_size", "4, schema says 8"));
/// # Ok(()) }
/// # #[cfg(not(feature = "derive"))] fn main() {}
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verified {
    /// All differences. If the list is empty, the map matches the schema.
    pub differences: Vec<Difference>,
    /// Whether the layout of keys and values could be compared.
    pub layout_check: LayoutCheck,
    /// The kernel's information about the map.
    pub info: Info,
}

/// The attributes of a map. They can come from any source, for example from another tool.
///
/// ```
/// use bpfmap::verify::{self, Attributes};
/// use bpfmap::{MapDef, MapFlags, TypeDesc};
///
/// let declared = MapDef::new("counters", 1, TypeDesc::U32, TypeDesc::U64).max_entries(100);
/// // These are the attributes that a different tool reports for a map.
/// let mut real = Attributes::new(1, 4, 8);
/// real.max_entries = Some(200);
/// real.flags = MapFlags::NO_PREALLOC;
/// assert_eq!((real.map_type, real.key_size, real.value_size, real.map_extra), (1, 4, 8, 0));
///
/// let differences = verify::attributes(&declared, &real)?;
/// let texts: Vec<String> = differences.iter().map(|difference| difference.to_string()).collect();
/// assert_eq!(texts, ["max_entries: 200, schema says 100", "flags: NO_PREALLOC, schema says none"]);
/// # Ok::<(), bpfmap::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Attributes {
    /// The number of the map type.
    pub map_type: u32,
    /// The size of a key in bytes.
    pub key_size: u32,
    /// The size of a value in bytes. In a per-CPU map, this is the size of one CPU's value.
    pub value_size: u32,
    /// The `max_entries` of the map, if this number is known.
    pub max_entries: Option<u32>,
    /// The flags with which the map was created.
    pub flags: MapFlags,
    /// A number whose meaning depends on the map type.
    pub map_extra: u64,
}

impl Attributes {
    /// Returns the attributes of a map with this type and these sizes, without flags and `max_entries`.
    #[must_use]
    pub fn new(map_type: u32, key_size: u32, value_size: u32) -> Self {
        let (max_entries, flags, map_extra) = (None, MapFlags::empty(), 0);
        Self { map_type, key_size, value_size, max_entries, flags, map_extra }
    }
}

/// Compares the map of a descriptor with a declaration. The comparison includes the type, the
/// sizes, the flags, `map_extra`, and `max_entries` if the schema sets this number. If the map has
/// BTF, the function also compares the layout of key and value member by member. Like methods that
/// open a map, the function accepts properties of older maps that the schema records
/// ([`TypeDesc::Evolved`]).
///
/// The function does not compare the name of the map. Use [`name`] to compare the name.
///
/// # Errors
/// Fails if the function can't read the kernel's information about the map or the map's BTF. A
/// difference is not an error.
pub fn live(declared: &MapDef<'_>, fd: BorrowedFd<'_>) -> Result<Verified> {
    compared(declared, fd, Accept::Older)
}

/// Does the same as [`live`], but does not accept properties of older maps.
pub(crate) fn live_of_this(declared: &MapDef<'_>, fd: BorrowedFd<'_>) -> Result<Verified> {
    compared(declared, fd, Accept::Same)
}

fn compared(declared: &MapDef<'_>, fd: BorrowedFd<'_>, accept: Accept) -> Result<Verified> {
    let failed =
        |action, errno, text: &str| Error::refused(action, declared.name, errno, text.to_owned());
    let info = Info::of_map(fd).map_err(|errno| {
        if errno == Errno(libc::EINVAL) && is_placeholder(fd) {
            return not_created(declared);
        }
        let text = if errno == Errno(libc::EINVAL) {
            "the descriptor does not belong to a map"
        } else {
            ""
        };
        failed(Action::Info, errno, text)
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
            Err(errno) => {
                return Err(failed(Action::Open, errno, "the map's BTF can't be read"));
            }
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

/// Compares the attributes of a map with a declaration.
///
/// # Errors
/// Fails if the number of possible CPUs is not available. The `max_entries` of some map types
/// depends on this number.
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
    // For an object file, `real` is the number that the author wrote. So this number is adjusted
    // like the number in the schema.
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
    // The location of the memory and the rights of a descriptor are not compared.
    let added = facts.map_or(MapFlags::empty(), added_flags);
    let ignored = crate::user_space::migrate::PLACEMENT.union(added);
    let (theirs, ours) = (real.flags.difference(ignored), declared.flags.difference(ignored));
    if theirs != ours {
        differences.push(Difference::new("flags", format!("{theirs}, schema says {ours}")));
    }
    Ok(differences)
}

/// Compares the name of a map in the kernel with the name in a declaration. The kernel keeps only
/// the first 15 bytes of a name.
///
/// ```
/// use bpfmap::{MapDef, TypeDesc, verify};
///
/// let declared = MapDef::new("packets_by_source", 1, TypeDesc::U32, TypeDesc::U64);
/// assert_eq!(verify::name(&declared, "packets_by_sour"), None);
/// assert_eq!(verify::name(&declared, "packets").unwrap().path, "name");
/// ```
#[must_use]
pub fn name(declared: &MapDef<'_>, real: &str) -> Option<Difference> {
    let cut = kernel_name(declared.name);
    let expected = String::from_utf8_lossy(&cut);
    let expected = expected.trim_end_matches('\0');
    (real != expected)
        .then(|| Difference::new("name", format!("`{real}`, schema says `{expected}`")))
}

/// Compares the types of key and value in `btf` with a declaration. The tuple contains the type ids
/// of the key and the value, or 0 for a missing type. Unlike [`live`], this function does not
/// accept older names of members, because it is meant for object files that were compiled with this
/// schema.
///
/// ```
/// # #[cfg(feature = "derive")] fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use bpfmap::{BpfMap, LiveMap, MapSpec, verify};
/// use bpfmap_btf::Btf;
///
/// #[derive(BpfMap)]
/// #[bpf_map(hash, max_entries = 8)]
/// struct Counters {
///     key: u32,
///     value: u64,
/// }
///
/// let map = LiveMap::create(&Counters::DEF)?;
/// let btf = map.btf()?.expect("the map was created with BTF");
/// let btf = Btf::parse(&btf)?;
/// let (key, value) = (map.info().btf_key_type_id, map.info().btf_value_type_id);
/// assert_eq!(verify::types(&Counters::DEF, &btf, (key, value)), []);
/// assert_ne!(verify::types(&Counters::DEF, &btf, (value, key)), []);
/// # Ok(()) }
/// # #[cfg(not(feature = "derive"))] fn main() {}
/// ```
#[must_use]
pub fn types(declared: &MapDef<'_>, btf: &Btf<'_>, (key, value): (u32, u32)) -> Vec<Difference> {
    types_of(declared, btf, (key, value), Accept::Same)
}

/// Compares the type of a map's events in the BTF of an object with a declaration. `type_id` is the
/// id of the type, from [`Btf::map_event`]. Like [`types`], this function does not accept older
/// names of members. If the declaration has no event, the result is empty.
///
/// ```no_run
/// use bpfmap::{MapSpec, verify};
/// use bpfmap_btf::Btf;
///
/// /// Returns whether the programs in an object file send the events that a spec declares.
/// fn sends<Events: MapSpec>(object: &[u8]) -> Result<bool, Box<dyn std::error::Error>> {
///     let btf = Btf::parse(bpfmap::object_btf(object).ok_or("the object has no BTF")?)?;
///     let event = btf.map_event(Events::DEF.name).ok_or("the map has no events")?;
///     Ok(verify::event(&Events::DEF, &btf, event).is_empty())
/// }
/// ```
#[must_use]
pub fn event(declared: &MapDef<'_>, btf: &Btf<'_>, type_id: u32) -> Vec<Difference> {
    event_of(declared, btf, type_id, Accept::Same)
}

/// Compares the type of a map's events in the BTF of the map's object. Like methods that open a
/// map, this function accepts an older name of a member.
pub(crate) fn event_at_opening(
    declared: &MapDef<'_>,
    btf: &Btf<'_>,
    type_id: u32,
) -> Vec<Difference> {
    event_of(declared, btf, type_id, Accept::Older)
}

/// Compares the types of key and value in `btf`. Like methods that open a map, this function
/// accepts an older name of a member.
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

/// The maximum number of differences in an error message.
const SHOWN: usize = 5;

/// Returns a text with the first differences and the number of further differences.
pub(crate) fn list(differences: &[Difference]) -> String {
    let shown: Vec<String> = differences.iter().take(SHOWN).map(Difference::to_string).collect();
    let shown = shown.join("; ");
    match differences.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}
