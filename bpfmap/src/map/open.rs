//! Opening a map: is it the one that the schema describes?

use super::info::{self, Info};
use super::{Map, Options};
use crate::btf::{self, Btf};
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::kind::Kind;
use crate::percpu::possible_cpus;
use crate::source::MapSource;
use crate::spec::{MapFlags, MapSpec};
use crate::sys::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Whether opening could compare the layout of keys and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LayoutCheck {
    /// The map's BTF says what the schema says, member by member; or this process made the map from the schema.
    Agrees,
    /// The map has no BTF, or the schema describes it by sizes alone: the sizes agree.
    NoBtf,
    /// The map has BTF that this process may not read (it takes `CAP_SYS_ADMIN`): the sizes agree.
    NotPermitted,
}

impl<S: MapSpec> Map<S> {
    /// What differs from the schema, for opening or creating.
    #[must_use]
    pub fn options() -> Options<S> {
        Options::new()
    }

    /// The map of a loaded object, by its name.
    ///
    /// Like every way of opening, compares the real map with the schema: its type, the sizes of key and value, the
    /// number of entries where the schema says one (an LRU map with [`MapFlags::NO_COMMON_LRU`] has it rounded up to
    /// the CPUs), the flags, and, where the map has BTF, the layout of key and value member by member: order, names,
    /// offsets, types. Typedefs and the names of types don't count; a byte may be `char`, `bool`, signed or unsigned;
    /// other integers agree in size and sign; padding may be named or not.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound): the object has no such map. [`Mismatch`](ErrorKind::Mismatch): it differs
    /// from the schema; the message has each difference with its path, as `value.stats[].rx_bytes: offset 16, the map
    /// says 8`.
    pub fn from_object(object: &impl MapSource) -> Result<Self> {
        Self::options().from_object(object)
    }

    /// A map that is open elsewhere: a skeleton's, a `libbpf_rs::MapHandle`, another library's. Duplicates its
    /// descriptor.
    ///
    /// # Errors
    /// [`Mismatch`](ErrorKind::Mismatch), as [`from_object`](Self::from_object).
    pub fn from_map(map: &impl AsFd) -> Result<Self> {
        Self::options().from_map(map)
    }

    /// The map that is pinned at a path of a BPF file system.
    ///
    /// # Errors
    /// `ENOENT`, `EACCES`, `EPERM`: no such file, or not for this process. [`Mismatch`](ErrorKind::Mismatch), as
    /// [`from_object`](Self::from_object).
    pub fn from_pinned(path: impl AsRef<Path>) -> Result<Self> {
        Self::options().from_pinned(path)
    }

    /// The map with an id ([`Info::id`]). Takes `CAP_SYS_ADMIN`.
    ///
    /// # Errors
    /// `ENOENT`: no such map. `EPERM`. [`Mismatch`](ErrorKind::Mismatch), as [`from_object`](Self::from_object).
    pub fn from_id(id: u32) -> Result<Self> {
        Self::options().from_id(id)
    }

    /// The map of a descriptor.
    ///
    /// # Errors
    /// `EINVAL`: not a map's. [`Mismatch`](ErrorKind::Mismatch), as [`from_object`](Self::from_object).
    pub fn from_fd(fd: OwnedFd) -> Result<Self> {
        Self::options().from_fd(fd)
    }

    /// Whether opening could compare the layout of keys and values.
    #[must_use]
    pub fn layout_check(&self) -> LayoutCheck {
        self.layout_check
    }
}

/// A spec contradicts itself when its layouts and types differ in size; found when the program is compiled.
pub(super) struct Consistent<S>(core::marker::PhantomData<S>);

impl<S: MapSpec> Consistent<S> {
    pub(super) const CHECK: () = {
        assert!(
            S::KEY_LAYOUT.size() == size_of::<S::Key>() as u64,
            "KEY_LAYOUT isn't as large as the key"
        );
        assert!(
            S::VALUE_LAYOUT.size() == size_of::<S::Value>() as u64,
            "VALUE_LAYOUT isn't as large as the value"
        );
    };
}

/// Compares the map of a descriptor with the spec.
pub(super) fn check<S: MapSpec>(
    options: &Options<S>,
    fd: BorrowedFd<'_>,
) -> Result<(Info, LayoutCheck)> {
    let () = Consistent::<S>::CHECK;
    let info = Info::of(fd).map_err(|errno| Error::from_errno(Operation::Info, S::NAME, errno))?;
    let mut differences = Vec::new();
    sizes(options, &info, &mut differences)?;
    let mut layout_check = LayoutCheck::NoBtf;
    if differences.is_empty() && S::BTF && info.btf_id != 0 {
        layout_check = match info::btf_blob(info.btf_id) {
            Err(Errno(libc::EPERM | libc::EACCES)) => LayoutCheck::NotPermitted,
            Err(errno) => {
                let text = "its BTF can't be read".to_owned();
                return Err(Error::refused(Operation::Open, S::NAME, errno, text));
            }
            Ok(blob) => layouts::<S>(&info, blob, &mut differences),
        };
    }
    if differences.is_empty() {
        return Ok((info, layout_check));
    }
    let text = format!("the map is not what the schema says: {}", differences.join("; "));
    Err(Error::told(Operation::Open, S::NAME, ErrorKind::Mismatch, 0, text))
}

fn sizes<S: MapSpec>(
    options: &Options<S>,
    info: &Info,
    differences: &mut Vec<String>,
) -> Result<()> {
    if info.map_type != S::Kind::TYPE {
        differences.push(format!(
            "its type is {}, the schema says {} ({})",
            info.map_type,
            S::Kind::TYPE,
            S::Kind::NAME
        ));
    }
    let mut differ = |what: &str, theirs: u32, ours: u64| {
        if u64::from(theirs) != ours {
            differences.push(format!("its {what} is {theirs}, the schema says {ours}"));
        }
    };
    differ("key_size", info.key_size, size_of::<S::Key>() as u64);
    if !S::Kind::KERNEL_VALUE {
        differ("value_size", info.value_size, size_of::<S::Value>() as u64);
    }
    let max_entries = options.max_entries.map_or(Ok(None), |said| S::Kind::entries(Some(said)))?;
    if let Some(expected) = max_entries {
        let rounded = if S::FLAGS.contains(MapFlags::NO_COMMON_LRU) {
            u64::from(expected).next_multiple_of(possible_cpus()? as u64)
        } else {
            u64::from(expected)
        };
        if u64::from(info.max_entries) != u64::from(expected) {
            differ("max_entries", info.max_entries, rounded);
        }
    }
    // Where the memory is, and what a descriptor may do, is no part of the contract.
    let placement = MapFlags::NUMA_NODE | MapFlags::RDONLY | MapFlags::WRONLY | MapFlags::TOKEN_FD;
    let ignored = placement.union(S::Kind::ADDED_FLAGS);
    let (theirs, ours) = (info.flags.difference(ignored), S::FLAGS.difference(ignored));
    if theirs != ours {
        differences.push(format!("its flags are {theirs}, the schema says {ours}"));
    }
    // What will be read is one value for each CPU.
    if S::Kind::PER_CPU {
        possible_cpus()?;
    }
    Ok(())
}

fn layouts<S: MapSpec>(info: &Info, blob: Vec<u8>, differences: &mut Vec<String>) -> LayoutCheck {
    let btf = match Btf::parse(blob) {
        Ok(btf) => btf,
        Err(error) => {
            differences.push(error);
            return LayoutCheck::NoBtf;
        }
    };
    let mut compared = LayoutCheck::NoBtf;
    for (path, layout, type_id) in [
        ("key", S::KEY_LAYOUT, info.btf_key_type_id),
        ("value", S::VALUE_LAYOUT, info.btf_value_type_id),
    ] {
        if type_id != 0 {
            compared = LayoutCheck::Agrees;
            differences.extend(btf::compare(path, layout, &btf, type_id).err());
        }
    }
    compared
}
