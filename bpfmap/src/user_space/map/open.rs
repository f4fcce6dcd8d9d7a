//! Methods that open maps and compare them with the schema.

use super::info::Info;
use super::origin::{self, Origin};
use super::{Map, OpenOptions, missing};
use crate::MapDef;
use crate::kind::Kind;
use crate::spec::MapSpec;
use crate::user_space::error::{Action, Error, ErrorKind, Result};
use crate::user_space::possible_cpus;
use crate::user_space::source::MapSource;
use crate::user_space::verify::{self, Verified};
use bpfmap_btf::Btf;
use bpfmap_core::TypeDesc;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// The result of the layout comparison when a map is opened.
///
/// ```
/// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
/// use bpfmap::{BpfMap, LayoutCheck, Map};
///
/// #[derive(BpfMap)]
/// #[bpf_map(hash, max_entries = 100)]
/// struct Counters {
///     key: u32,
///     value: u64,
/// }
///
/// let counters = Map::<Counters>::create()?;
/// match counters.layout_check() {
///     LayoutCheck::Agrees => println!("each member is where the schema says"),
///     LayoutCheck::NoBtf => println!("only sizes were compared: compile the object with `-g`"),
///     LayoutCheck::NotPermitted => println!("only sizes were compared: run as root"),
///     other => println!("{other:?}"),
/// }
/// # assert_eq!(counters.layout_check(), LayoutCheck::Agrees);
/// # Ok(()) }
/// # #[cfg(not(feature = "derive"))] fn main() {}
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LayoutCheck {
    /// The layout matches the schema member by member, according to BTF. The BTF of the map
    /// describes the key and the value, and the BTF of the object describes the events. A map
    /// that this process has created from the schema also has this result.
    Agrees,
    /// The sizes match. The layout was not compared, because the map has no BTF or the schema
    /// declares only sizes.
    NoBtf,
    /// The sizes match. The layout was not compared, because this process is not permitted to read
    /// the map's BTF, which needs `CAP_SYS_ADMIN`.
    NotPermitted,
}

impl<S: MapSpec> Map<S> {
    /// Returns options for opening or creating a map that differs from the schema, for example in
    /// its name or its size.
    #[must_use]
    pub fn options() -> OpenOptions<S> {
        OpenOptions::new()
    }

    /// Opens the map of a loaded object by the name in the spec.
    ///
    /// Like all methods that open a map, this method compares the map in the kernel with the
    /// schema. The comparison includes the type, the sizes of key and value, the flags,
    /// `map_extra`, and `max_entries` if the schema sets this number. The `max_entries` of an LRU
    /// map with [`MapFlags::NO_COMMON_LRU`](crate::MapFlags::NO_COMMON_LRU) may be rounded up to a
    /// multiple of the number of CPUs.
    ///
    /// If the map has BTF, the method also compares the names, the offsets and the types of the
    /// members of key and value. Typedefs and the names of types are not compared. Integers must
    /// match in size and sign, but `char` and `bool` match every integer of one byte. Padding can
    /// be named or unnamed. The module [`verify`] compares a map with a definition in the same way,
    /// without a spec.
    ///
    /// If the object's BTF ([`MapSource::btf`]) contains the type of the map's events, the layout
    /// of the events is compared in the same way.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound): the object has no map with this name.
    /// [`NotCreated`](ErrorKind::NotCreated): the object declares the map, but the program that
    /// loaded the object did not create the map. [`Mismatch`](ErrorKind::Mismatch): the map differs
    /// from the schema. The message lists the first differences with their paths, such as
    /// `value.stats[].rx_bytes: offset 16, schema says 8`, and the number of further differences.
    pub fn from_object(object: &impl MapSource) -> Result<Self> {
        Self::options().from_object(object)
    }

    /// Opens the map of a loaded object as [`from_object`](Self::from_object) does, or returns `None` if the program that
    /// loaded the object did not create the map (libbpf's `bpf_map__set_autocreate`).
    ///
    /// The code from [`derive(BpfMaps)`](derive@crate::BpfMaps) calls this method for each
    /// `optional` map.
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
    /// Fails in the same cases as [`from_object`](Self::from_object), but never with
    /// [`NotCreated`](ErrorKind::NotCreated).
    pub fn from_object_if_created(object: &impl MapSource) -> Result<Option<Self>> {
        Self::options().from_object_if_created(object)
    }

    /// Opens a map that another library has opened, such as the map of a skeleton or a
    /// `libbpf_rs::MapHandle`. The new handle has a duplicate of the map's descriptor.
    ///
    /// This method does not compare the type of the map's events, because the kernel doesn't know
    /// that type. Only [`from_object`](Self::from_object) compares the events.
    ///
    /// ```
    /// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
    /// use bpfmap::{BpfMap, Map};
    /// use std::os::fd::OwnedFd;
    ///
    /// #[derive(BpfMap)]
    /// #[bpf_map(hash, max_entries = 100)]
    /// struct Counters {
    ///     key: u32,
    ///     value: u64,
    /// }
    ///
    /// // Accepts any type with a descriptor, and duplicates the descriptor.
    /// let counters = Map::<Counters>::create()?;
    /// let same = Map::<Counters>::from_map(&counters)?;
    /// // Opens the map by its id, from any process.
    /// let id = same.info()?.id;
    /// assert_eq!(Map::<Counters>::from_id(id)?.info()?.id, id);
    /// // Takes ownership of a descriptor, which can come from another process.
    /// let descriptor = OwnedFd::from(same);
    /// assert_eq!(Map::<Counters>::from_fd(descriptor)?.info()?.id, id);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "derive"))] fn main() {}
    /// ```
    ///
    /// # Errors
    /// [`Mismatch`](ErrorKind::Mismatch): the map differs from the schema, as for
    /// [`from_object`](Self::from_object).
    pub fn from_map(map: &impl AsFd) -> Result<Self> {
        Self::options().from_map(map)
    }

    /// Opens the map that is pinned at a path of a BPF file system.
    ///
    /// # Errors
    /// `ENOENT`: the path does not exist. `EACCES`, `EPERM`: this process has no permission to open
    /// the pin. [`Mismatch`](ErrorKind::Mismatch): the map differs from the schema, as for
    /// [`from_object`](Self::from_object).
    pub fn from_pinned(path: impl AsRef<Path>) -> Result<Self> {
        Self::options().from_pinned(path)
    }

    /// Opens the map that has the given id ([`Info::id`]). Needs `CAP_SYS_ADMIN`.
    ///
    /// # Errors
    /// `ENOENT`: no map has this id. `EPERM`: this process lacks `CAP_SYS_ADMIN`.
    /// [`Mismatch`](ErrorKind::Mismatch): the map differs from the schema, as for
    /// [`from_object`](Self::from_object).
    pub fn from_id(id: u32) -> Result<Self> {
        Self::options().from_id(id)
    }

    /// Opens the map to which a descriptor refers, and takes ownership of the descriptor.
    ///
    /// # Errors
    /// `EINVAL`: the descriptor does not belong to a map. [`Mismatch`](ErrorKind::Mismatch): the
    /// map differs from the schema, as for [`from_object`](Self::from_object).
    pub fn from_fd(fd: OwnedFd) -> Result<Self> {
        Self::options().from_fd(fd)
    }

    /// Returns the result of the layout comparison when this map was opened.
    #[must_use]
    pub fn layout_check(&self) -> LayoutCheck {
        self.layout_check
    }
}

/// Checks at compile time that the types of a spec have the sizes that its definition describes.
pub(super) struct Consistent<S>(core::marker::PhantomData<S>);

impl<S: MapSpec> Consistent<S> {
    pub(super) const CHECK: () = {
        assert!(
            !S::DEF.key.is_set_by_loader() && !S::DEF.value.is_set_by_loader(),
            "the spec of a map must describe its key and value"
        );
        assert!(
            S::DEF.key.size() == size_of::<S::Key>() as u64,
            "the description of the key does not have the size of the key"
        );
        assert!(
            S::DEF.value.size() == size_of::<S::Value>() as u64,
            "the description of the value does not have the size of the value"
        );
        // Opening a map of maps also reads one of its values, whose size has been compared before.
        assert!(
            S::DEF.inner.is_none() || S::Kind::FACTS.holds_maps(),
            "only a map of maps has `inner`"
        );
        assert!(
            S::DEF.map_type == S::Kind::TYPE,
            "the map type of `DEF` differs from that of `Kind`"
        );
    };
}

/// Compares the map to which a descriptor refers with the spec.
pub(super) fn check<S: MapSpec>(
    options: &OpenOptions<S>,
    fd: BorrowedFd<'_>,
    origin: &Origin<'_>,
) -> Result<(Info, LayoutCheck)> {
    let () = Consistent::<S>::CHECK;
    let mut declared = S::DEF;
    declared.max_entries = options.max_entries;
    let checked = check_def(&declared, fd, origin)?;
    // Later operations read one value for each CPU.
    if S::Kind::FACTS.per_cpu {
        possible_cpus()?;
    }
    Ok(checked)
}

/// Compares the map to which a descriptor refers with a definition.
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
    let text = format!("the map does not match the schema: {list}{help}");
    Err(Error::told(Action::Open, declared.name, ErrorKind::Mismatch, 0, text))
}

/// Finds the map of a loaded object by the name in a definition, and compares the map with the
/// definition.
pub(crate) fn open_def(declared: &MapDef<'_>, object: &impl MapSource) -> Result<(OwnedFd, Info)> {
    let name = declared.name;
    let fd = missing::find(declared, name, object)?;
    let fd = fd.ok_or_else(|| missing::not_created(declared))?;
    let (info, _) = check_def(declared, fd.as_fd(), &Origin::Object(object, name))?;
    check_event(declared, name, object)?;
    Ok((fd, info))
}

/// Compares the type of the map's events in the BTF of the object with the definition. Returns
/// `false` if the definition has no events or the object does not contain the type of the events.
pub(super) fn check_event(
    declared: &MapDef<'_>,
    map: &str,
    object: &impl MapSource,
) -> Result<bool> {
    if matches!(declared.event, TypeDesc::Void) {
        return Ok(false);
    }
    let differs = |text| Error::told(Action::Open, declared.name, ErrorKind::Mismatch, 0, text);
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
    Err(differs(format!("the events of the map do not match the schema: {list} (help: {help})")))
}
