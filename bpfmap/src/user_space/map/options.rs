//! Options for maps whose size, name or location differs from the schema.

use super::origin::Origin;
use super::{LayoutCheck, Map, missing};
use crate::spec::MapSpec;
use crate::user_space::error::{Action, Error, Result};
use crate::user_space::source::MapSource;
use crate::user_space::sys::{self, Command, Errno, PathAttr};
use core::fmt;
use core::marker::PhantomData;
use std::ffi::CString;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Options for opening or creating a map that differs from the schema. When a map is opened, the
/// options are the properties that the map must have. When a map is created, the options are the
/// properties of the new map.
///
/// To open or create a map without options, use the methods `from_…` and `create` of [`Map`].
///
/// ```no_run
/// # fn f<Counters: bpfmap::MapSpec>(object: &impl bpfmap::MapSource) -> bpfmap::Result<()> {
/// // The loader has created the map with more entries than the schema declares.
/// let counters = bpfmap::Map::<Counters>::options().max_entries(1_000_000).from_object(object)?;
/// # Ok(())
/// # }
/// ```
///
/// A new map can differ from the schema in its name, its size and its NUMA node:
///
/// ```
/// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
/// use bpfmap::{BpfMap, ErrorKind, Map, OpenOptions};
/// use std::os::fd::OwnedFd;
///
/// #[derive(BpfMap)]
/// #[bpf_map(hash, max_entries = 100)]
/// struct Counters {
///     key: u32,
///     value: u64,
/// }
///
/// let options: OpenOptions<Counters> = Map::options();
/// let counters = options.name("tenant_7").max_entries(200).numa_node(0).create()?;
/// assert_eq!((counters.info()?.name.as_str(), counters.max_entries()), ("tenant_7", 200));
///
/// // The size of the map differs from the schema.
/// let refused = Map::<Counters>::from_map(&counters).unwrap_err();
/// assert_eq!(refused.kind(), ErrorKind::Mismatch);
/// let opened = Map::<Counters>::options().any_max_entries().from_map(&counters)?;
/// assert_eq!(opened.max_entries(), 200);
///
/// // Opens the map by its id. The iterators of this handle use one system call for each entry.
/// let id = opened.info()?.id;
/// let by_id = Map::<Counters>::options().any_max_entries().without_batches().from_id(id)?;
/// let descriptor = OwnedFd::from(by_id);
/// let by_descriptor = Map::<Counters>::options().any_max_entries().from_fd(descriptor)?;
/// assert_eq!(by_descriptor.max_entries(), 200);
/// # Ok(()) }
/// # #[cfg(not(feature = "derive"))] fn main() {}
/// ```
pub struct OpenOptions<S> {
    pub(super) max_entries: Option<u32>,
    pub(super) numa_node: Option<u32>,
    pub(super) name: String,
    pub(super) batches: bool,
    spec: PhantomData<fn() -> S>,
}

impl<S: MapSpec> fmt::Debug for OpenOptions<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenOptions")
            .field("name", &self.name)
            .field("max_entries", &self.max_entries)
            .field("numa_node", &self.numa_node)
            .field("batches", &self.batches)
            .finish()
    }
}

impl<S: MapSpec> OpenOptions<S> {
    pub(super) fn new() -> Self {
        Self {
            max_entries: S::DEF.max_entries,
            numa_node: S::DEF.numa_node,
            name: S::DEF.name.to_owned(),
            batches: true,
            spec: PhantomData,
        }
    }

    /// Sets a `max_entries` that overrides the number in the schema.
    #[must_use]
    pub fn max_entries(mut self, max_entries: u32) -> Self {
        self.max_entries = Some(max_entries);
        self
    }

    /// Accepts a map with any `max_entries`.
    #[must_use]
    pub fn any_max_entries(mut self) -> Self {
        self.max_entries = None;
        self
    }

    /// Sets a name that overrides the name in the schema. For opening, this is the name of the map
    /// in the object. For creating, this is the name of the new map. The kernel keeps only the
    /// first 15 bytes of this name.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Sets the NUMA node on which a map is created. Methods that open a map ignore this option.
    #[must_use]
    pub fn numa_node(mut self, node: u32) -> Self {
        self.numa_node = Some(node);
        self
    }

    /// Makes `iter`, `walk`, `extend`, `drain` and `clear` use one system call for each entry, as on a kernel without
    /// batch commands. Use this option to measure how much batches save, or to avoid a kernel bug.
    #[must_use]
    pub fn without_batches(mut self) -> Self {
        self.batches = false;
        self
    }

    /// Opens a map with these options, like [`Map::from_object`].
    ///
    /// # Errors
    /// Fails in the same cases as [`Map::from_object`].
    pub fn from_object(self, object: &impl MapSource) -> Result<Map<S>> {
        self.from_object_if_created(object)?.ok_or_else(|| missing::not_created(&S::DEF))
    }

    /// Opens a map with these options, like [`Map::from_object_if_created`].
    ///
    /// ```no_run
    /// # fn f<Debug: bpfmap::MapSpec>(object: &impl bpfmap::MapSource) -> bpfmap::Result<()> {
    /// // The map has a different name in this object.
    /// match bpfmap::Map::<Debug>::options().name("debug_v2").from_object_if_created(object)? {
    ///     Some(debug) => println!("at most {} messages", debug.max_entries()),
    ///     None => println!("started without --debug"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Fails in the same cases as [`Map::from_object_if_created`].
    pub fn from_object_if_created(self, object: &impl MapSource) -> Result<Option<Map<S>>> {
        let Some(fd) = missing::find(&S::DEF, &self.name, object)? else { return Ok(None) };
        let name = self.name.clone();
        let mut map = self.open(fd, &Origin::Object(object, &name))?;
        if super::open::check_event(&S::DEF, &name, object)? {
            map.layout_check = LayoutCheck::Agrees;
        }
        Ok(Some(map))
    }

    /// Opens a map with these options, like [`Map::from_map`].
    ///
    /// # Errors
    /// Fails in the same cases as [`Map::from_map`].
    pub fn from_map(self, map: &impl AsFd) -> Result<Map<S>> {
        let fd = map.as_fd().try_clone_to_owned();
        let fd = fd.map_err(|error| Error::caused(Action::Clone, S::DEF.name, error))?;
        self.from_fd(fd)
    }

    /// Opens a map with these options, like [`Map::from_pinned`].
    ///
    /// ```no_run
    /// # fn f<Counters: bpfmap::MapSpec>() -> bpfmap::Result<()> {
    /// // The program that pinned the map chose its size.
    /// let counters =
    ///     bpfmap::Map::<Counters>::options().any_max_entries().from_pinned("/sys/fs/bpf/counters")?;
    /// println!("at most {} counters", counters.max_entries());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Fails in the same cases as [`Map::from_pinned`].
    pub fn from_pinned(self, path: impl AsRef<Path>) -> Result<Map<S>> {
        let path = path.as_ref();
        let fd = get_pinned(path).map_err(|errno| on_path::<S>(Action::Open, path, errno))?;
        self.open(fd, &Origin::Pin(path))
    }

    /// Opens a map with these options, like [`Map::from_id`].
    ///
    /// # Errors
    /// Fails in the same cases as [`Map::from_id`].
    pub fn from_id(self, id: u32) -> Result<Map<S>> {
        let fd = super::info::by_id(Command::MapGetFdById, id)
            .map_err(|errno| Error::from_errno(Action::Open, S::DEF.name, errno))?;
        self.from_fd(fd)
    }

    /// Opens a map with these options, like [`Map::from_fd`].
    ///
    /// # Errors
    /// Fails in the same cases as [`Map::from_fd`].
    pub fn from_fd(self, fd: OwnedFd) -> Result<Map<S>> {
        self.open(fd, &Origin::Unknown)
    }

    fn open(self, fd: OwnedFd, origin: &Origin<'_>) -> Result<Map<S>> {
        let (info, layout_check) = super::open::check(&self, fd.as_fd(), origin)?;
        let hides = super::user_ptrs::check::<S>(&info)?;
        let mut map = self.map(fd, info.max_entries, layout_check);
        map.may_hide_user_ptrs = hides == super::user_ptrs::Hidden::Unknown;
        super::nested::check(&map)?;
        Ok(map)
    }

    /// Creates a map with these options, like [`Map::create`].
    ///
    /// # Errors
    /// Fails in the same cases as [`Map::create`].
    pub fn create(self) -> Result<Map<S>> {
        super::create::create(&self, None)
    }
}

impl<S: MapSpec> OpenOptions<S> {
    /// Returns a handle to a map that is known to match the spec.
    pub(super) fn map(&self, fd: OwnedFd, max_entries: u32, layout_check: LayoutCheck) -> Map<S> {
        let map = Map::new(fd, max_entries, layout_check);
        if !self.batches {
            map.lacks.remember_all();
        }
        map
    }
}

/// Returns the object that is pinned at a path.
pub(crate) fn get_pinned(path: &Path) -> Result<OwnedFd, Errno> {
    let path = c_path(path)?;
    let mut attr = PathAttr { pathname: sys::address(path.as_ptr()), bpf_fd: 0, file_flags: 0 };
    // SAFETY: the path ends with a zero and is only read.
    let fd = unsafe { sys::bpf(Command::ObjGet, &mut attr) }?;
    // SAFETY: the kernel just returned this new descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Converts a path to a C string.
pub(crate) fn c_path(path: &Path) -> Result<CString, Errno> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno(libc::EINVAL))
}

/// Returns the error for a path, with the path in the message.
pub(super) fn on_path<S: MapSpec>(action: Action, path: &Path, errno: Errno) -> Error {
    Error::refused(action, S::DEF.name, errno, path.display().to_string())
}
