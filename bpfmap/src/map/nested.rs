//! Maps in maps.

use super::batch::Entries;
use super::origin::Origin;
use super::{Map, OpenOptions};
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::kind::{HoldObjects, ShowObjects};
use crate::objects::{MapId, as_inner};
use crate::spec::{MapSpec, OuterMapSpec};
use crate::sys::Command;
use std::os::fd::{AsFd, OwnedFd};

impl<S> Map<S>
where
    S: OuterMapSpec,
    S::Kind: ShowObjects<S, Shown = MapId>,
{
    /// Opens the map under a key; `None` when there is none.
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
    /// Takes `CAP_SYS_ADMIN`, as [`from_id`](Self::from_id).
    ///
    /// # Errors
    /// `EPERM`: the privilege is missing, or the descriptor is write-only. [`Mismatch`](ErrorKind::Mismatch): the map is
    /// not what the inner spec says.
    pub fn inner(&self, key: &S::Key) -> Result<Option<Map<S::Inner>>> {
        while let Some(id) = self.get(key)? {
            match options_as_inner::<S::Inner>().from_id(id.get()) {
                Ok(map) => return Ok(Some(map)),
                // It was replaced meanwhile, and is gone.
                Err(error) if error.kind() == ErrorKind::NotFound && self.get(key)? != Some(id) => {
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Puts a map under a key and gives the one that was there: a snapshot of all its entries at one moment, for the
    /// price of an empty map.
    ///
    /// ```no_run
    /// use bpfmap::{Map, MapSpec, OuterMapSpec, kind};
    ///
    /// // What was counted since the last time, without a count lost or seen twice.
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
    /// When this returns, every program that runs (a sleepable one excepted) uses the new map, so nothing changes the
    /// old one any more (`kernel/bpf/syscall.c`, `maybe_wait_bpf_programs`, Linux 4.20). It is opened before, by its id, which
    /// takes `CAP_SYS_ADMIN`: whatever someone else puts there in between is replaced unseen.
    ///
    /// # Errors
    /// As [`inner`](Self::inner) and [`set`](Self::set); then the map is as it was.
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
    /// Creates a map of maps like `template`, instead of one that is made from the inner spec: where the maps in it are
    /// to have another `max_entries` than the spec, or the spec has none. The template itself isn't put into the map,
    /// and need not live on.
    ///
    /// # Errors
    /// As [`Map::create`]; and `EINVAL`: the template is a map of maps, `ENOTSUPP`: of a type that can't be in a map
    /// (`prog_array` and others).
    pub fn create_like(self, template: &Map<S::Inner>) -> Result<Map<S>> {
        super::create::create(&self, Some(template.as_fd()))
    }
}

/// Returns the options by which a map that stands in another is opened.
fn options_as_inner<S: MapSpec>() -> OpenOptions<S> {
    let mut options = Map::options();
    options.max_entries = as_inner(S::DEF).max_entries;
    options
}

/// How many keys of a map of maps are tried in search of one that has a map.
const TRIED: usize = 256;

/// Whether the maps in a map of maps are of the inner spec. The kernel doesn't show the template itself: so one of
/// those that are in the map is looked at, if there is one and this process may (`CAP_SYS_ADMIN`).
pub(super) fn check<S: MapSpec>(map: &Map<S>) -> Result<()> {
    let Some(inner) = S::DEF.inner else { return Ok(()) };
    let Some((id, fd)) = any_inner(map) else { return Ok(()) };
    super::open::check_def(&as_inner(*inner), fd.as_fd(), &Origin::Unknown).map(|_| ()).map_err(
        |error| {
            let text =
                format!("it holds other maps than the schema says, as that of id {id}: {error}");
            Error::told(Operation::Open, S::DEF.name, error.kind(), 0, text)
        },
    )
}

/// Some map of those in a map of maps.
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
