//! Maps, the entries of a map of maps.

use super::{descriptor, id};
use crate::kind::{ArrayOfMaps, HashOfMaps, HoldObjects, MapType, ShowObjects};
use crate::spec::{MapSpec, OuterMapSpec};
use crate::user_space::map::Map;
use bpfmap_core::MATRIX;
use bpfmap_core::map_type::InnerRule;
use bpfmap_core::{MapDef, MapFlags};
use core::fmt;
use std::os::fd::AsFd;

/// The id of a map, which is unique as long as the map exists: see [`Map::from_id`].
///
/// ```
/// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
/// use bpfmap::{BpfMap, Map, MapId};
///
/// #[derive(BpfMap)]
/// #[bpf_map(array, max_entries = 4)]
/// struct Counters {
///     value: u64,
/// }
///
/// #[derive(BpfMap)]
/// #[bpf_map(hash_of_maps, max_entries = 8)]
/// struct Tenants {
///     key: u32,
///     inner: Counters,
/// }
///
/// let tenants = Map::<Tenants>::create()?;
/// let counters = Map::<Counters>::create()?;
/// tenants.set(&1, &counters)?;
/// let id: MapId = tenants.get(&1)?.expect("it was just stored");
/// assert_eq!(Map::<Counters>::from_id(id.get())?.info()?.id, counters.info()?.id);
/// # Ok(()) }
/// # #[cfg(not(feature = "derive"))] fn main() {}
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MapId(u32);

impl MapId {
    /// Returns the id as a number.
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

/// Returns the definition for opening an inner map. For most map types, the kernel allows an inner
/// map to have a different `max_entries` than the template (`map_meta_equal` of the map type). From
/// Linux 7.1 on, the kernel does not allow this for a `percpu_array`.
pub(crate) fn as_inner(mut def: MapDef<'_>) -> MapDef<'_> {
    let as_large = match MapType::by_number(def.map_type).map(|facts| facts.as_inner) {
        Some(InnerRule::SameEntries(since)) => {
            since <= MATRIX[0] && !def.flags.contains(MapFlags::INNER_MAP)
        }
        _ => false,
    };
    if !as_large {
        def.max_entries = None;
    }
    def
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

/// Returns the meaning of an errno for an inner map.
fn refusal(errno: i32) -> Option<&'static str> {
    (errno == libc::EINVAL).then_some(
        "the map differs from the template of the outer map: the type, the sizes of key and value, the flags and the special fields must be the same; max_entries must also be the same for an array without BPF_F_INNER_MAP and, from Linux 7.1 on, for a percpu_array; if the value has a list, a tree or a pointer to a struct that the kernel does not define, both maps must have the same BTF, which is possible only for maps of the same object (`values` of the outer map)",
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
