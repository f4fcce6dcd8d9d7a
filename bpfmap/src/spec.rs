//! What a schema says of a map.

use crate::kind::Kind;
use crate::objects::InnerMap;
use crate::plain::Plain;
use bpfmap_core::{MapDef, MapFlags, Pinning, TypeDesc};

/// One map of a schema. Generated code implements it for an empty enum; [`Map`](crate::Map) is the handle.
///
/// ```
/// use bpfmap::{MapSpec, kind, TypeDesc};
///
/// /// Packets by protocol.
/// pub enum Packets {}
///
/// impl MapSpec for Packets {
///     type Kind = kind::Hash;
///     type Key = u32;
///     type Value = u64;
///     const NAME: &'static str = "packets";
///     const MAX_ENTRIES: Option<u32> = Some(256);
///     const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
///     const VALUE_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U64;
/// }
/// ```
pub trait MapSpec: 'static {
    /// The map type, which decides what can be done with the map.
    type Kind: Kind;
    /// `()` where the kind has no key, `u32` where it is an index.
    type Key: Plain;
    /// One value; of a per-CPU map, one CPU's.
    type Value: Plain;
    /// The map's name in the object file. The kernel keeps its first 15 bytes.
    const NAME: &'static str;
    /// How many entries; `None`: the schema doesn't say.
    const MAX_ENTRIES: Option<u32> = None;
    /// Flags of the map's creation.
    const FLAGS: MapFlags = MapFlags::empty();
    /// What `map_extra` means to the kind.
    const MAP_EXTRA: u64 = 0;
    /// The memory node that a created map should be on.
    const NUMA_NODE: Option<u32> = None;
    /// How a loader is asked to pin the map.
    const PINNING: Pinning = Pinning::None;
    /// The key as BTF describes it; [`TypeDesc::VOID`] where the kind has no key.
    const KEY_LAYOUT: &'static TypeDesc<'static>;
    /// The value as BTF describes it.
    const VALUE_LAYOUT: &'static TypeDesc<'static>;
    /// The event that the map carries, as the BTF of the object describes it; see [`EventSpec`]. [`TypeDesc::VOID`] if it
    /// carries none.
    const EVENT_LAYOUT: &'static TypeDesc<'static> = TypeDesc::VOID;
    /// `false`: the map is described by its sizes alone.
    const BTF: bool = true;
    /// What a map of maps holds; see [`OuterMapSpec`].
    const INNER: Option<InnerMap> = None;
    /// The declaration of the map as data.
    const DEF: MapDef<'static> = MapDef {
        name: Self::NAME,
        map_type: Self::Kind::TYPE,
        max_entries: Self::MAX_ENTRIES,
        flags: Self::FLAGS,
        map_extra: Self::MAP_EXTRA,
        numa_node: Self::NUMA_NODE,
        btf: Self::BTF,
        key: Self::KEY_LAYOUT,
        value: Self::VALUE_LAYOUT,
        event: Self::EVENT_LAYOUT,
    };
}

/// A map of maps, of the kind [`ArrayOfMaps`](crate::kind::ArrayOfMaps) or [`HashOfMaps`](crate::kind::HashOfMaps): all
/// maps in it are of one spec.
///
/// ```
/// use bpfmap::{InnerMap, MapSpec, OuterMapSpec, kind, TypeDesc};
/// # pub enum Counters {}
/// # impl MapSpec for Counters {
/// #     type Kind = kind::Hash;
/// #     type Key = u32;
/// #     type Value = u64;
/// #     const NAME: &'static str = "counters";
/// #     const MAX_ENTRIES: Option<u32> = Some(256);
/// #     const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
/// #     const VALUE_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U64;
/// # }
///
/// /// The counters of each tenant.
/// pub enum Tenants {}
///
/// impl MapSpec for Tenants {
///     type Kind = kind::HashOfMaps;
///     type Key = u32;
///     // Of a map, the kernel sees a descriptor and shows an id.
///     type Value = u32;
///     const NAME: &'static str = "tenants";
///     const MAX_ENTRIES: Option<u32> = Some(64);
///     const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
///     const VALUE_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
///     const INNER: Option<InnerMap> = Some(InnerMap::of::<Counters>());
/// }
///
/// impl OuterMapSpec for Tenants {
///     type Inner = Counters;
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "the spec `{Self}` doesn't say which maps it holds",
    label = "not a map of maps",
    note = "implement `bpfmap::OuterMapSpec` for it, with the spec of the maps that it holds"
)]
pub trait OuterMapSpec: MapSpec {
    /// The spec of the maps in it. The kernel allows one level: the kind is no map of maps itself.
    type Inner: MapSpec;
}

/// A map through which events are sent: a `ringbuf`, `perf_event_array` or `user_ringbuf` whose schema says what event.
///
/// The kernel sees bytes and no type. The object file has the type of the events in the definition of the map
/// ([`MapSource::btf`](crate::MapSource::btf)), and [`Map::from_object`](crate::Map::from_object) compares it with
/// [`MapSpec::EVENT_LAYOUT`]. The size of each record is checked when it is read.
///
/// ```
/// use bpfmap::{EventSpec, MapSpec, kind, TypeDesc};
///
/// /// The ids of processes that exit.
/// pub enum Exits {}
///
/// impl MapSpec for Exits {
///     type Kind = kind::Ringbuf;
///     type Key = ();
///     type Value = ();
///     const NAME: &'static str = "exits";
///     const MAX_ENTRIES: Option<u32> = Some(64 << 10);
///     const KEY_LAYOUT: &'static TypeDesc<'static> = TypeDesc::VOID;
///     const VALUE_LAYOUT: &'static TypeDesc<'static> = TypeDesc::VOID;
///     const EVENT_LAYOUT: &'static TypeDesc<'static> = TypeDesc::U32;
/// }
///
/// impl EventSpec for Exits {
///     type Event = u32;
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "the map `{Self}` carries no events",
    label = "its schema names no event",
    note = "say what a `ringbuf`, `perf_event_array` or `user_ringbuf` carries with `event` in the schema; the entries of other maps are read with `lookup`, `iter` or `pop`"
)]
pub trait EventSpec: MapSpec {
    /// What is sent. [`MapSpec::EVENT_LAYOUT`] describes it.
    type Event: Plain;
}
