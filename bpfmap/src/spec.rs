//! Specs: Rust types that declare maps.

use crate::kind::Kind;
use crate::plain::Plain;
use bpfmap_core::MapDef;

/// The declaration of a map as a Rust type. Generated code implements this trait for an empty enum.
/// The handle to the map that a spec `S` declares is a [`Map<S>`](crate::Map).
///
/// ```
/// use bpfmap::{MapDef, MapSpec, kind, TypeDesc};
///
/// /// The number of packets of each protocol.
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
    /// The type of a key. The type is `()` if the map type has no keys, and `u32` if the key is an
    /// index.
    type Key: Plain;
    /// The type of a value. In a per-CPU map, this is the type of one CPU's value.
    type Value: Plain;
    /// The definition of the map. The markers of map types have functions that return a definition,
    /// such as [`kind::Hash::def`](crate::kind::Hash::def).
    const DEF: MapDef<'static>;
}

/// The declaration of a map of maps. Its kind is [`ArrayOfMaps`](crate::kind::ArrayOfMaps) or
/// [`HashOfMaps`](crate::kind::HashOfMaps). All inner maps have the same spec.
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
///     // An update stores the descriptor of a map, and a lookup returns the id of the map.
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
    note = "implement `bpfmap::OuterMapSpec` for `{Self}`, with the spec of the inner maps"
)]
pub trait OuterMapSpec: MapSpec {
    /// The spec of the inner maps. An inner map can't be a map of maps itself, because the kernel
    /// allows only one level.
    type Inner: MapSpec;
}

/// A map that transfers events: a `ringbuf`, `perf_event_array` or `user_ringbuf` whose schema declares the type of the
/// events.
///
/// The kernel does not know the type of the events. The object file contains this type in the
/// definition of the map ([`MapSource::btf`](crate::MapSource::btf)).
/// [`Map::from_object`](crate::Map::from_object) compares this type with `event` of
/// [`MapSpec::DEF`]. The size of each record is checked when the record is read.
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
    /// The type of the events. The `event` of [`MapSpec::DEF`] describes the layout of this type.
    type Event: Plain;
}
