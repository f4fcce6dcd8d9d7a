//! Live maps without a spec.

use crate::MapDef;
use crate::kind::{ArrayOfMaps, HashOfMaps, Kind};
use crate::user_space::error::{Action, Error, ErrorKind, Result};
use crate::user_space::map::{Info, btf_blob, by_id, create_def, get_pinned, open_def};
use crate::user_space::source::MapSource;
use crate::user_space::sys::{self, Command, Errno, IdAttr};
use core::ptr::null;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// A handle to a live map without a spec. You can use a `LiveMap` to inspect the map and to
/// [verify](crate::verify) the map.
///
/// ```
/// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
/// use bpfmap::{BpfMap, ErrorKind, LiveMap, Map, MapSpec};
///
/// #[derive(BpfMap)]
/// #[bpf_map(array, max_entries = 4)]
/// struct Counters {
///     value: u64,
/// }
///
/// #[derive(BpfMap)]
/// #[bpf_map(array_of_maps, max_entries = 8)]
/// struct Pages {
///     inner: Counters,
/// }
///
/// let pages = LiveMap::create(&Pages::DEF)?;
/// let id = pages.info().id;
/// assert!(LiveMap::ids()?.contains(&id));
/// let counters = LiveMap::create(&Counters::DEF)?;
/// assert!(counters.btf()?.is_some(), "it was created from a declaration");
///
/// // A command that lists maps works like this. A map may be deleted before it is opened.
/// match LiveMap::from_id(id) {
///     Ok(map) => println!("{}: {} entries", map.info().name, map.info().max_entries),
///     Err(error) if error.kind() == ErrorKind::NotFound => println!("map {id} is gone"),
///     Err(error) => return Err(error),
/// }
///
/// // A map of maps shows the type of its inner maps as soon as it contains an inner map.
/// assert!(pages.first_inner()?.is_none());
/// Map::<Pages>::from_map(&pages)?.set(&2, &Map::<Counters>::create()?)?;
/// assert_eq!(pages.first_inner()?.unwrap().info().name, "counters");
/// # Ok(()) }
/// # #[cfg(not(feature = "derive"))] fn main() {}
/// ```
#[derive(Debug)]
pub struct LiveMap {
    fd: OwnedFd,
    info: Info,
}

impl LiveMap {
    /// Creates a map from a definition. [`Map::create`](crate::Map::create) does the same from a
    /// spec. For a map of maps, this method also creates the template that the kernel requires.
    ///
    /// # Errors
    /// Fails in the same cases as [`Map::create`](crate::Map::create).
    pub fn create(def: &MapDef<'_>) -> Result<Self> {
        let made = Self::from_fd(create_def(def)?);
        made.map_err(|errno| Error::refused(Action::Info, def.name, errno, String::new()))
    }

    /// Finds the map of a loaded object by the name in a definition, and compares the map with the
    /// definition. [`Map::from_object`](crate::Map::from_object) does the same with a spec.
    ///
    /// # Errors
    /// Fails in the same cases as [`Map::from_object`](crate::Map::from_object).
    pub fn from_object(object: &impl MapSource, def: &MapDef<'_>) -> Result<Self> {
        open_def(def, object).map(|(fd, info)| Self { fd, info })
    }

    /// Opens the map that is pinned at a path of a BPF file system.
    ///
    /// ```no_run
    /// use bpfmap::{LiveMap, MapDef, MapSource};
    ///
    /// /// Returns whether the pin is the map of the object.
    /// fn is_pinned(object: &impl MapSource, def: &MapDef<'_>, path: &str) -> bpfmap::Result<bool> {
    ///     let (of_object, pinned) = (LiveMap::from_object(object, def)?, LiveMap::from_pinned(path)?);
    ///     Ok(of_object.info().id == pinned.info().id)
    /// }
    /// ```
    ///
    /// # Errors
    /// `ENOENT`: the path does not exist. `EACCES`, `EPERM`: this process has no permission to open
    /// the pin. `EINVAL`: the pin belongs to a program or a link.
    pub fn from_pinned(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let opened = get_pinned(path).and_then(Self::from_fd);
        opened.map_err(|errno| {
            Error::refused(Action::Open, "", errno, format!("the pin {}", path.display()))
        })
    }

    /// Opens the map that has the given id. Needs `CAP_SYS_ADMIN`.
    ///
    /// # Errors
    /// `ENOENT`: no map has this id. `EPERM`: this process lacks `CAP_SYS_ADMIN`.
    pub fn from_id(id: u32) -> Result<Self> {
        let opened = by_id(Command::MapGetFdById, id).and_then(Self::from_fd);
        opened.map_err(|errno| {
            Error::refused(Action::Open, "", errno, format!("the map with id {id}"))
        })
    }

    /// Returns the ids of all maps on the machine in ascending order (`BPF_MAP_GET_NEXT_ID`, Linux
    /// 4.13). Needs `CAP_SYS_ADMIN`.
    ///
    /// A map that is created or deleted during the call may or may not be included. For a deleted
    /// map, [`from_id`](Self::from_id) fails with [`NotFound`](ErrorKind::NotFound).
    ///
    /// # Errors
    /// `EPERM`: this process lacks `CAP_SYS_ADMIN`.
    pub fn ids() -> Result<Vec<u32>> {
        let mut ids = vec![];
        let mut last = 0;
        loop {
            let mut attr = IdAttr { id: last, next_id: 0, open_flags: 0 };
            // SAFETY: the attribute has no address.
            match unsafe { sys::bpf(Command::MapGetNextId, &mut attr) } {
                Ok(_) => {
                    last = attr.next_id;
                    ids.push(last);
                }
                Err(Errno(libc::ENOENT)) => return Ok(ids),
                Err(errno) => {
                    let text = "the next map of the machine".to_owned();
                    return Err(Error::refused(Action::Open, "", errno, text));
                }
            }
        }
    }

    fn from_fd(fd: OwnedFd) -> Result<Self, Errno> {
        let info = Info::of_map(fd.as_fd())?;
        Ok(Self { fd, info })
    }

    /// Returns the kernel's information about the map at the time of opening.
    #[must_use]
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// Returns the first inner map that can be opened. Returns `None` if this map is empty or is
    /// not a map of maps. Needs `CAP_SYS_ADMIN`.
    ///
    /// # Errors
    /// `EPERM`: this process lacks `CAP_SYS_ADMIN`, or the descriptor is write-only.
    pub fn first_inner(&self) -> Result<Option<Self>> {
        if ![ArrayOfMaps::TYPE, HashOfMaps::TYPE].contains(&self.info.map_type) {
            return Ok(None);
        }
        let size = self.info.key_size as usize;
        let (mut key, mut next) = (vec![0_u8; size], vec![0_u8; size]);
        let mut last = null();
        // Other processes may change the map, which makes the iteration start again.
        for _ in 0..=self.info.max_entries {
            // SAFETY: `last` is null or points to `key`, which nobody writes to meanwhile. Both have the key size that
            // the kernel reported for this map.
            let found = unsafe {
                sys::element(Command::GetNextKey, self.fd.as_fd(), last, next.as_mut_ptr())
            };
            match found {
                Ok(()) => {}
                Err(Errno(libc::ENOENT)) => break,
                Err(errno) => return Err(self.failed(Action::NextKey, errno)),
            }
            key.copy_from_slice(&next);
            last = key.as_ptr();
            // For user space, the value is the id of the inner map.
            let mut id = [0_u8; 4];
            // SAFETY: `last` points to `key`, as above. The kernel creates only maps of maps whose values have 4 bytes.
            let shown = unsafe {
                sys::element(Command::LookupElem, self.fd.as_fd(), last, id.as_mut_ptr())
            };
            match shown {
                Ok(()) => {}
                Err(Errno(libc::ENOENT)) => continue,
                Err(errno) => return Err(self.failed(Action::Lookup, errno)),
            }
            match Self::from_id(u32::from_ne_bytes(id)) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                opened => return opened.map(Some),
            }
        }
        Ok(None)
    }

    fn failed(&self, action: Action, errno: Errno) -> Error {
        Error::refused(action, &self.info.name, errno, String::new())
    }

    /// Returns the BTF of the map, or `None` if the map has no BTF.
    ///
    /// # Errors
    /// `EPERM`: this process lacks `CAP_SYS_ADMIN`.
    pub fn btf(&self) -> Result<Option<Vec<u8>>> {
        if self.info.btf_id == 0 {
            return Ok(None);
        }
        btf_blob(self.info.btf_id).map(Some).map_err(|errno| {
            let text = format!("the BTF of the map with id {}", self.info.id);
            Error::refused(Action::Info, &self.info.name, errno, text)
        })
    }
}

impl AsFd for LiveMap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<LiveMap> for OwnedFd {
    fn from(map: LiveMap) -> Self {
        map.fd
    }
}
