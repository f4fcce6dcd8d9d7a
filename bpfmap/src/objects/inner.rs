//! Maps in maps.

use super::{descriptor, id};
use crate::error::Result;
use crate::kind::{ArrayOfMaps, HashOfMaps, HoldObjects, Kind, ShowObjects};
use crate::map::{Map, OpenOptions};
use crate::spec::{MapSpec, OuterMapSpec};
use bpfmap_core::MATRIX;
use bpfmap_core::MapFlags;
use bpfmap_core::map_type::InnerRule;
use core::fmt;
use std::os::fd::{AsFd, OwnedFd};

/// The id of a map, unique while the map lives: see [`Map::from_id`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MapId(u32);

impl MapId {
    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for MapId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The maps that a map of maps holds, by their spec: [`MapSpec::INNER`].
#[derive(Clone, Copy)]
pub struct InnerMap {
    name: &'static str,
    create: fn() -> Result<OwnedFd>,
    check: fn(OwnedFd) -> Result<()>,
}

impl InnerMap {
    /// Maps of the spec `S`, the same as [`OuterMapSpec::Inner`].
    #[must_use]
    pub const fn of<S: MapSpec>() -> Self {
        Self { name: S::NAME, create: create::<S>, check: check::<S> }
    }

    /// Creates such a map. An outer map is made with one, as the pattern of all that it will hold.
    ///
    /// # Errors
    /// Those of [`Map::create`].
    pub fn create(&self) -> Result<OwnedFd> {
        (self.create)()
    }

    /// Whether a map is such a one.
    pub(crate) fn check(&self, fd: OwnedFd) -> Result<()> {
        (self.check)(fd)
    }
}

impl fmt::Debug for InnerMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InnerMap").field(&self.name).finish()
    }
}

fn create<S: MapSpec>() -> Result<OwnedFd> {
    Ok(Map::<S>::create()?.into())
}

fn check<S: MapSpec>(fd: OwnedFd) -> Result<()> {
    as_inner::<S>().from_fd(fd).map(|_| ())
}

/// How a map that stands in another is opened: the kernel lets most types differ in `max_entries` from one another
/// (`map_meta_equal` of the map type; a `percpu_array` must not from Linux 7.1).
pub(crate) fn as_inner<S: MapSpec>() -> OpenOptions<S> {
    let as_large = match S::Kind::FACTS.as_inner {
        InnerRule::SameEntries(since) => {
            since <= MATRIX[0] && !S::FLAGS.contains(MapFlags::INNER_MAP)
        }
        _ => false,
    };
    let options = Map::<S>::options();
    if as_large { options } else { options.any_max_entries() }
}

impl<S: OuterMapSpec> crate::kind::objects::Held<S> for ArrayOfMaps {}

impl<S: OuterMapSpec> HoldObjects<S> for ArrayOfMaps {
    type Object<'a> = &'a Map<S::Inner>;

    fn to_kernel(map: &&Map<S::Inner>) -> [u8; 8] {
        descriptor(map.as_fd())
    }

    fn refusal(errno: i32) -> Option<&'static str> {
        refusal(errno)
    }
}

impl<S: OuterMapSpec> crate::kind::objects::Held<S> for HashOfMaps {}

impl<S: OuterMapSpec> HoldObjects<S> for HashOfMaps {
    type Object<'a> = &'a Map<S::Inner>;

    fn to_kernel(map: &&Map<S::Inner>) -> [u8; 8] {
        descriptor(map.as_fd())
    }

    fn refusal(errno: i32) -> Option<&'static str> {
        refusal(errno)
    }
}

/// What an errno says of an inner map.
fn refusal(errno: i32) -> Option<&'static str> {
    (errno == libc::EINVAL).then_some(
        "the map differs from the one that the outer map was created with: type, key and value size, flags and special fields must be the same, max_entries too for an array without BPF_F_INNER_MAP and, from Linux 7.1, a percpu_array; a list, a tree or a pointer to a struct that the kernel does not have is the same only in a map of the same BTF, which an object brings (`values` of the outer map)",
    )
}

impl<S: MapSpec> crate::kind::objects::Shown<S> for ArrayOfMaps {}

impl<S: MapSpec> ShowObjects<S> for ArrayOfMaps {
    type Shown = MapId;

    fn from_kernel(value: [u8; 8]) -> MapId {
        MapId(id(value))
    }
}

impl<S: MapSpec> crate::kind::objects::Shown<S> for HashOfMaps {}

impl<S: MapSpec> ShowObjects<S> for HashOfMaps {
    type Shown = MapId;

    fn from_kernel(value: [u8; 8]) -> MapId {
        MapId(id(value))
    }
}
