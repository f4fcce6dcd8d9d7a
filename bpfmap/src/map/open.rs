//! Opening a map: is it the one that the schema describes?

use super::info::Info;
use super::origin::{self, Origin};
use super::{Map, OpenOptions, missing};
use crate::MapDef;
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::kind::Kind;
use crate::possible_cpus;
use crate::source::MapSource;
use crate::spec::MapSpec;
use crate::verify::{self, Verified};
use bpfmap_btf::Btf;
use bpfmap_core::TypeDesc;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Whether opening could compare the layout of keys and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LayoutCheck {
    /// The BTF says what the schema says, member by member: the map's of key and value, or the object's of the events
    /// that the map carries. Or this process made the map from the schema.
    Agrees,
    /// The map has no BTF, or the schema describes it by sizes alone: the sizes agree.
    NoBtf,
    /// The map has BTF that this process may not read (it takes `CAP_SYS_ADMIN`): the sizes agree.
    NotPermitted,
}

impl<S: MapSpec> Map<S> {
    /// What differs from the schema, for opening or creating.
    #[must_use]
    pub fn options() -> OpenOptions<S> {
        OpenOptions::new()
    }

    /// The map of a loaded object, by its name.
    ///
    /// Like every way of opening, compares the real map with the schema: its type, the sizes of key and value, the
    /// number of entries where the schema says one (an LRU map with
    /// [`MapFlags::NO_COMMON_LRU`](crate::MapFlags::NO_COMMON_LRU) has it rounded up to the CPUs), the flags,
    /// `map_extra`, and, where the map has BTF, the layout of key and value member by member: names, offsets, types.
    /// Typedefs and the names of types don't count; a byte may be `char`, `bool`, signed or unsigned; other integers
    /// agree in size and sign; padding may be named or not. [`verify`] does the same without a spec.
    ///
    /// The layout of the events that a map carries is compared in the same way, if the object's BTF has it
    /// ([`MapSource::btf`]).
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound): the object has no such map. [`NotCreated`](ErrorKind::NotCreated): it has the
    /// map, and its loader did not create it. [`Mismatch`](ErrorKind::Mismatch): it differs
    /// from the schema; the message has the first differences, each with its path, as `value.stats[].rx_bytes: offset
    /// 16, schema says 8`, and says how many more there are.
    pub fn from_object(object: &impl MapSource) -> Result<Self> {
        Self::options().from_object(object)
    }

    /// Opens the map of a loaded object as [`from_object`](Self::from_object) does, or returns `None` if the program that
    /// loaded the object did not create the map (libbpf's `bpf_map__set_autocreate`).
    ///
    /// [`derive(BpfMaps)`](derive@crate::BpfMaps) calls it for each map whose schema says `optional`.
    ///
    /// ```no_run
    /// # fn f<Debug: bpfmap::MapSpec>(object: &impl bpfmap::MapSource) -> bpfmap::Result<()> {
    /// match bpfmap::Map::<Debug>::from_object_if_created(object)? {
    ///     Some(debug) => println!("at most {} messages", debug.max_entries()),
    ///     None => println!("started without --debug"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`from_object`](Self::from_object), [`NotCreated`](ErrorKind::NotCreated) excepted.
    pub fn from_object_if_created(object: &impl MapSource) -> Result<Option<Self>> {
        Self::options().from_object_if_created(object)
    }

    /// A map that is open elsewhere: a skeleton's, a `libbpf_rs::MapHandle`, another library's. Duplicates its
    /// descriptor.
    ///
    /// The kernel doesn't know what events a map carries: [`from_object`](Self::from_object) alone compares them.
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
            !S::DEF.key.is_set_by_loader() && !S::DEF.value.is_set_by_loader(),
            "a spec says what key and value are"
        );
        assert!(
            S::DEF.key.size() == size_of::<S::Key>() as u64,
            "the description of the key isn't as large as the key"
        );
        assert!(
            S::DEF.value.size() == size_of::<S::Value>() as u64,
            "the description of the value isn't as large as the value"
        );
        // Opening reads a value of a map of maps, which has the size that is compared.
        assert!(
            S::DEF.inner.is_none() || S::Kind::FACTS.holds_maps(),
            "only a map of maps has `inner`"
        );
        assert!(S::DEF.map_type == S::Kind::TYPE, "`DEF` is of another map type than `Kind`");
    };
}

/// Compares the map of a descriptor with the spec.
pub(super) fn check<S: MapSpec>(
    options: &OpenOptions<S>,
    fd: BorrowedFd<'_>,
    origin: &Origin<'_>,
) -> Result<(Info, LayoutCheck)> {
    let () = Consistent::<S>::CHECK;
    let mut declared = S::DEF;
    declared.max_entries = options.max_entries;
    let checked = check_def(&declared, fd, origin)?;
    // What will be read is one value for each CPU.
    if S::Kind::FACTS.per_cpu {
        possible_cpus()?;
    }
    Ok(checked)
}

/// Compares the map of a descriptor with a definition.
pub(super) fn check_def(
    declared: &MapDef<'_>,
    fd: BorrowedFd<'_>,
    origin: &Origin<'_>,
) -> Result<(Info, LayoutCheck)> {
    let Verified { differences, layout_check, info } = verify::live(declared, fd)?;
    if differences.is_empty() {
        return Ok((info, layout_check));
    }
    let list = verify::list(&differences);
    let help = origin.help(declared, &differences);
    let text = format!("the map is not what the schema says: {list}{help}");
    Err(Error::told(Operation::Open, declared.name, ErrorKind::Mismatch, 0, text))
}

/// Opens the map of a loaded object that has the name of a definition, and compares it with the definition.
pub(crate) fn open_def(declared: &MapDef<'_>, object: &impl MapSource) -> Result<(OwnedFd, Info)> {
    let name = declared.name;
    let fd = missing::find(declared, name, object)?;
    let fd = fd.ok_or_else(|| missing::not_created(declared))?;
    let (info, _) = check_def(declared, fd.as_fd(), &Origin::Object(object, name))?;
    check_event(declared, name, object)?;
    Ok((fd, info))
}

/// Compares the events that the object says the map carries with those of the definition. `false`: the definition has
/// none, or the object does not tell.
pub(super) fn check_event(
    declared: &MapDef<'_>,
    map: &str,
    object: &impl MapSource,
) -> Result<bool> {
    if matches!(declared.event, TypeDesc::Void) {
        return Ok(false);
    }
    let differs = |text| Error::told(Operation::Open, declared.name, ErrorKind::Mismatch, 0, text);
    let Some(data) = object.btf() else { return Ok(false) };
    let btf = Btf::parse(&data)
        .map_err(|error| differs(format!("the BTF of the object can't be read: {error}")))?;
    let Some(event) = btf.map_event(map) else { return Ok(false) };
    let differences = verify::event_at_opening(declared, &btf, event);
    if differences.is_empty() {
        return Ok(true);
    }
    let list = verify::list(&differences);
    let help = origin::REBUILD;
    Err(differs(format!(
        "the events of the map are not what the schema says: {list} (help: {help})"
    )))
}
