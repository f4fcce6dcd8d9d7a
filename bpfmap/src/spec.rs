//! Specs: the declarations of maps as types.

use crate::kind::Kind;
use crate::plain::Plain;
use bpfmap_core::MapDef;

/// The declaration of a map. Generated code implements it for an empty enum; [`Map`](crate::Map) is the handle.
///
/// ```
/// use bpfmap::{MapDef, MapSpec, kind, TypeDesc};
///
/// /// Packets by protocol.
/// pub enum Packets {}
///
/// impl MapSpec for Packets {
///     type Kind = kind::Hash;
///     type Key = u32;
///     type Value = u64;
///     const DEF: MapDef<'static> = kind::Hash::def("packets", TypeDesc::U32, TypeDesc::U64)
///         .max_entries(256);
/// }
/// ```
pub trait MapSpec: 'static {
    /// The map type, which determines the operations of the map.
    type Kind: Kind;
    /// The key: `()` if the kind has no key, and `u32` if it is an index.
    type Key: Plain;
    /// The value. In a per-CPU map, this is the value of one CPU.
    type Value: Plain;
    /// The definition of the map. [`Kind`] markers have functions that return one, such as
    /// [`kind::Hash::def`](crate::kind::Hash::def).
    const DEF: MapDef<'static>;
}

/// A map of maps, with the kind [`ArrayOfMaps`](crate::kind::ArrayOfMaps) or [`HashOfMaps`](crate::kind::HashOfMaps).
/// All its inner maps have the same spec.
///
/// ```
/// use bpfmap::{MapDef, MapSpec, OuterMapSpec, kind, TypeDesc};
/// # pub enum Counters {}
/// # impl MapSpec for Counters {
/// #     type Kind = kind::Hash;
/// #     type Key = u32;
/// #     type Value = u64;
/// #     const DEF: MapDef<'static> = kind::Hash::def("counters", TypeDesc::U32, TypeDesc::U64)
/// #         .max_entries(256);
/// # }
///
/// /// The counters of each tenant.
/// pub enum Tenants {}
///
/// impl MapSpec for Tenants {
///     type Kind = kind::HashOfMaps;
///     type Key = u32;
///     // A map is stored by its descriptor, and a lookup returns its id.
///     type Value = u32;
///     const DEF: MapDef<'static> = kind::HashOfMaps::def("tenants", TypeDesc::U32, TypeDesc::U32)
///         .max_entries(64)
///         .inner(&Counters::DEF);
/// }
///
/// impl OuterMapSpec for Tenants {
///     type Inner = Counters;
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "the spec `{Self}` has no spec for its inner maps",
    label = "not a map of maps",
    note = "implement `bpfmap::OuterMapSpec` for it, with the spec of its inner maps"
)]
pub trait OuterMapSpec: MapSpec {
    /// The spec of the inner maps. The kernel allows only one level, so this can't be a map of
    /// maps.
    type Inner: MapSpec;
}

/// A map that transfers events: a `ringbuf`, `perf_event_array` or `user_ringbuf` whose schema declares the type of the
/// events.
///
/// The kernel does not know the type of the events. The object file has it in the definition of the map
/// ([`MapSource::btf`](crate::MapSource::btf)), and [`Map::from_object`](crate::Map::from_object) compares it with
/// `event` of [`MapSpec::DEF`]. The size of each record is checked when it is read.
///
/// ```
/// use bpfmap::{MapDef, EventSpec, MapSpec, kind, TypeDesc};
///
/// /// The ids of processes that exit.
/// pub enum Exits {}
///
/// impl MapSpec for Exits {
///     type Kind = kind::Ringbuf;
///     type Key = ();
///     type Value = ();
///     const DEF: MapDef<'static> = kind::Ringbuf::def("exits", TypeDesc::VOID, TypeDesc::VOID)
///         .max_entries(64 << 10)
///         .event(TypeDesc::U32);
/// }
///
/// impl EventSpec for Exits {
///     type Event = u32;
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "the map `{Self}` has no events",
    label = "its schema has no `event`",
    note = "declare the type of the records in a `ringbuf`, `perf_event_array` or `user_ringbuf` with `event` in the schema; use `lookup`, `iter` or `pop` for the entries of other maps"
)]
pub trait EventSpec: MapSpec {
    /// The type of the events. `event` of [`MapSpec::DEF`] describes it.
    type Event: Plain;
}
