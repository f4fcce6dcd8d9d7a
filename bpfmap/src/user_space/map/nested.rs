//! Operations on maps of maps.

use super::batch::Entries;
use super::origin::Origin;
use super::{Map, OpenOptions};
use crate::kind::{HoldObjects, ShowObjects};
use crate::spec::{MapSpec, OuterMapSpec};
use crate::user_space::error::{Action, Error, ErrorKind, Result};
use crate::user_space::objects::{MapId, as_inner};
use crate::user_space::sys::Command;
use std::os::fd::{AsFd, OwnedFd};

impl<S> Map<S>
where
    S: OuterMapSpec,
    S::Kind: ShowObjects<S, Shown = MapId>,
{
    /// Opens the inner map that is stored under a key. Returns `None` if the key has no map.
    ///
    /// ```no_run
    /// use bpfmap::{Map, MapSpec, OuterMapSpec, kind};
    ///
    /// fn total<Tenants, Counters>(tenants: &Map<Tenants>, tenant: u32) -> bpfmap::Result<u64>
    /// where
    ///     Tenants: OuterMapSpec<Inner = Counters, Kind = kind::HashOfMaps, Key = u32>,
    ///     Counters: MapSpec<Kind = kind::Array, Key = u32, Value = u64>,
    /// {
    ///     let Some(counters) = tenants.inner(&tenant)? else { return Ok(0) };
    ///     counters.iter().map(|entry| entry.map(|(_, count)| count)).sum()
    /// }
    /// ```
    ///
    /// Needs `CAP_SYS_ADMIN`, like [`from_id`](Self::from_id).
    ///
    /// # Errors
    /// `EPERM`: this process lacks `CAP_SYS_ADMIN`, or the descriptor is write-only.
    /// [`Mismatch`](ErrorKind::Mismatch): the map does not match the inner spec.
    pub fn inner(&self, key: &S::Key) -> Result<Option<Map<S::Inner>>> {
        while let Some(id) = self.get(key)? {
            match options_as_inner::<S::Inner>().from_id(id.get()) {
                Ok(map) => return Ok(Some(map)),
                // The map was replaced after its id was read, and no longer exists.
                Err(error) if error.kind() == ErrorKind::NotFound && self.get(key)? != Some(id) => {
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Stores a map under a key and returns the previous map. If you store an empty map, the
    /// previous map is a consistent snapshot of all entries.
    ///
    /// ```no_run
    /// use bpfmap::{Map, MapSpec, OuterMapSpec, kind};
    ///
    /// // Returns the counts since the last call. No count is lost or returned twice.
    /// fn since_last<Current, Counts>(current: &Map<Current>) -> bpfmap::Result<Vec<(u32, u64)>>
    /// where
    ///     Current: OuterMapSpec<Inner = Counts, Kind = kind::ArrayOfMaps, Key = u32>,
    ///     Counts: MapSpec<Kind = kind::Hash, Key = u32, Value = u64>,
    /// {
    ///     match current.swap(&0, &Map::create()?)? {
    ///         Some(counted) => counted.iter().collect(),
    ///         None => Ok(vec![]),
    ///     }
    /// }
    /// ```
    ///
    /// When this method returns, all running programs except sleepable programs use the new map, so
    /// these programs no longer change the old map (`kernel/bpf/syscall.c`,
    /// `maybe_wait_bpf_programs`, Linux 4.20). The method first opens the old map by its id, which
    /// needs `CAP_SYS_ADMIN`, and then stores the new map. If another process stores a map between
    /// these two steps, the method replaces that map without returning it.
    ///
    /// # Errors
    /// Fails in the same cases as [`inner`](Self::inner) and [`set`](Self::set). After an error,
    /// the map is unchanged.
    pub fn swap(&self, key: &S::Key, map: &Map<S::Inner>) -> Result<Option<Map<S::Inner>>>
    where
        S::Kind: for<'a> HoldObjects<S, Object<'a> = &'a Map<S::Inner>>,
    {
        let old = self.inner(key)?;
        self.set(key, map)?;
        Ok(old)
    }
}

impl<S: OuterMapSpec> OpenOptions<S> {
    /// Creates a map of maps with the given template for its inner maps, instead of a template from
    /// the inner spec. Use this method if the inner maps need a different `max_entries` than the
    /// inner spec, or if the inner spec has no `max_entries`. The new map does not contain the
    /// template, so you can drop the template afterwards.
    ///
    /// ```
    /// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
    /// use bpfmap::{BpfMap, Map};
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
    /// // On this machine, each inner map has more counters. The template determines the number of
    /// // counters.
    /// let large = || Map::<Counters>::options().max_entries(64).create();
    /// let pages = Map::<Pages>::options().create_like(&large()?)?;
    /// pages.set(&0, &large()?)?;
    /// assert!(pages.get(&0)?.is_some());
    /// # Ok(()) }
    /// # #[cfg(not(feature = "derive"))] fn main() {}
    /// ```
    ///
    /// # Errors
    /// Fails in the same cases as [`Map::create`]. `EINVAL`: the template is a map of maps.
    /// `ENOTSUPP`: the kernel does not allow inner maps of the template's type (`prog_array` and
    /// others).
    pub fn create_like(self, template: &Map<S::Inner>) -> Result<Map<S>> {
        super::create::create(&self, Some(template.as_fd()))
    }
}

/// Returns the options for opening an inner map.
fn options_as_inner<S: MapSpec>() -> OpenOptions<S> {
    let mut options = Map::options();
    options.max_entries = as_inner(S::DEF).max_entries;
    options
}

/// The maximum number of keys to try when looking for an inner map in a map of maps.
const TRIED: usize = 256;

/// Compares the inner maps of a map of maps with the inner spec. The kernel doesn't show the
/// template. So this function checks one of the inner maps. It checks nothing if there is no inner
/// map, or if this process has no permission to open inner maps (`CAP_SYS_ADMIN`).
pub(super) fn check<S: MapSpec>(map: &Map<S>) -> Result<()> {
    let Some(inner) = S::DEF.inner else { return Ok(()) };
    let Some((id, fd)) = any_inner(map) else { return Ok(()) };
    super::open::check_def(&as_inner(*inner), fd.as_fd(), &Origin::Unknown).map(|_| ()).map_err(
        |error| {
            let text = format!(
                "the inner maps do not match the schema, for example the map with id {id}: {error}"
            );
            Error::told(Action::Open, S::DEF.name, error.kind(), 0, text)
        },
    )
}

/// Returns the id and the descriptor of one of the maps in a map of maps.
fn any_inner<S: MapSpec>(map: &Map<S>) -> Option<(u32, OwnedFd)> {
    let mut entry = Entries::new::<S>(1).ok()?;
    let mut key = None;
    for _ in 0..TRIED {
        key = map.key_after(key.as_ref()).ok()?;
        if map.read_first(key.as_ref()?, &mut entry).ok()? {
            let id = u32::from_ne_bytes(entry.value_bytes(0).try_into().ok()?);
            return Some((id, super::info::by_id(Command::MapGetFdById, id).ok()?));
        }
    }
    None
}
