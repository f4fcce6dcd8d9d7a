//! What a schema says of a map.

use crate::kind::Kind;
use crate::layout::Layout;
use crate::objects::InnerMap;
use crate::plain::Plain;
use core::fmt;
use core::ops::{BitOr, BitOrAssign};

/// One map of a schema. Generated code implements it for an empty enum; [`Map`](crate::Map) is the handle.
///
/// ```
/// use bpfmap::{MapSpec, kind, layout::Layout};
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
///     const KEY_LAYOUT: &'static Layout = Layout::U32;
///     const VALUE_LAYOUT: &'static Layout = Layout::U64;
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
    const FLAGS: MapFlags = MapFlags::NONE;
    /// What `map_extra` means to the kind.
    const MAP_EXTRA: u64 = 0;
    /// The memory node that a created map should be on.
    const NUMA_NODE: Option<u32> = None;
    /// How a loader is asked to pin the map.
    const PINNING: Pinning = Pinning::None;
    /// The key as BTF describes it; [`Layout::VOID`] where the kind has no key.
    const KEY_LAYOUT: &'static Layout;
    /// The value as BTF describes it.
    const VALUE_LAYOUT: &'static Layout;
    /// The event that the map carries, as the BTF of the object describes it; see [`EventSpec`]. [`Layout::VOID`] if it
    /// carries none.
    const EVENT_LAYOUT: &'static Layout = Layout::VOID;
    /// `false`: the map is described by its sizes alone.
    const BTF: bool = true;
    /// What a map of maps holds; see [`OuterMapSpec`].
    const INNER: Option<InnerMap> = None;
}

/// A map of maps, of the kind [`ArrayOfMaps`](crate::kind::ArrayOfMaps) or [`HashOfMaps`](crate::kind::HashOfMaps): all
/// maps in it are of one spec.
///
/// ```
/// use bpfmap::{InnerMap, MapSpec, OuterMapSpec, kind, layout::Layout};
/// # pub enum Counters {}
/// # impl MapSpec for Counters {
/// #     type Kind = kind::Hash;
/// #     type Key = u32;
/// #     type Value = u64;
/// #     const NAME: &'static str = "counters";
/// #     const MAX_ENTRIES: Option<u32> = Some(256);
/// #     const KEY_LAYOUT: &'static Layout = Layout::U32;
/// #     const VALUE_LAYOUT: &'static Layout = Layout::U64;
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
///     const KEY_LAYOUT: &'static Layout = Layout::U32;
///     const VALUE_LAYOUT: &'static Layout = Layout::U32;
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
/// use bpfmap::{EventSpec, MapSpec, kind, layout::Layout};
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
///     const KEY_LAYOUT: &'static Layout = Layout::VOID;
///     const VALUE_LAYOUT: &'static Layout = Layout::VOID;
///     const EVENT_LAYOUT: &'static Layout = Layout::U32;
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

/// Flags of a map's creation (`BPF_F_*` of `enum` in `include/uapi/linux/bpf.h`).
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct MapFlags(pub u32);

macro_rules! map_flags {
    ($($(#[$doc:meta])* $name:ident = $bit:literal,)*) => {
        impl MapFlags {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*
            const NAMES: &'static [(Self, &'static str)] = &[$((Self::$name, stringify!($name)),)*];
        }
    };
}
map_flags! {
    /// Entries are allocated when they are made (Linux 4.6).
    NO_PREALLOC = 0,
    /// Each CPU has its own LRU list and its share of the entries (Linux 4.10).
    NO_COMMON_LRU = 1,
    /// The memory is on a given node (Linux 4.14).
    NUMA_NODE = 2,
    /// The descriptor that creation returns can't write (Linux 4.15): `EPERM`, or `EACCES` and `EINVAL` where the
    /// values are to be mapped into memory. A property of the descriptor, not of the map: one that is opened by pin
    /// or id can.
    RDONLY = 3,
    /// The descriptor that creation returns can't read (Linux 4.15): `EPERM`, or `EACCES` where the values are to be
    /// mapped into memory. A property of the descriptor, not of the map: one that is opened by pin or id can.
    WRONLY = 4,
    /// A stack is build ids and offsets, not addresses (Linux 4.17).
    STACK_BUILD_ID = 5,
    /// The hash's seed is zero (Linux 5.0).
    ZERO_SEED = 6,
    /// Programs can't write (Linux 5.2): the verifier refuses them. Nor can the values be mapped into memory to be
    /// written (`EACCES`).
    RDONLY_PROG = 7,
    /// Programs can't read a value through a pointer (Linux 5.2): the verifier refuses them. What a helper function
    /// copies, they can read.
    WRONLY_PROG = 8,
    /// A socket's storage goes along when the socket is cloned (Linux 5.4).
    CLONE = 9,
    /// User space can map the values into its memory (Linux 5.5).
    MMAPABLE = 10,
    /// Entries outlive the descriptor that put them in (Linux 5.10).
    PRESERVE_ELEMS = 11,
    /// As an inner map it may have another `max_entries` than its template (Linux 5.10).
    INNER_MAP = 12,
    /// Registering a `struct_ops` gives a link (Linux 6.4).
    LINK = 13,
    /// A path is relative to a directory's descriptor (Linux 6.5).
    PATH_FD = 14,
    /// The value's BTF is a module's (Linux 6.9).
    VTYPE_BTF_OBJ_FD = 15,
    /// A BPF token gives the privilege (Linux 6.9).
    TOKEN_FD = 16,
    /// A fault in an arena is a signal (Linux 6.9).
    SEGV_ON_FAULT = 17,
    /// An arena's addresses are not translated (Linux 6.9).
    NO_USER_CONV = 18,
    /// A full ring buffer overwrites its oldest record (Linux 6.19).
    RB_OVERWRITE = 19,
}

impl MapFlags {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// The number that the kernel sees.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Has every flag of `other`.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These and those; `const`, as generated constants need it.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These without those.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for MapFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl BitOrAssign for MapFlags {
    fn bitor_assign(&mut self, other: Self) {
        *self = self.union(other);
    }
}

impl fmt::Display for MapFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE {
            return f.write_str("none");
        }
        let mut rest = *self;
        let mut separator = "";
        for &(flag, name) in Self::NAMES {
            if rest.contains(flag) {
                write!(f, "{separator}{name}")?;
                separator = " | ";
                rest = rest.difference(flag);
            }
        }
        if rest != Self::NONE {
            write!(f, "{separator}{:#x}", rest.0)?;
        }
        Ok(())
    }
}

impl fmt::Debug for MapFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MapFlags({self})")
    }
}

/// How a loader is asked to pin a map (`pinning` of a BTF-defined map).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pinning {
    /// Not.
    #[default]
    None,
    /// `LIBBPF_PIN_BY_NAME`: under the map's name, in `/sys/fs/bpf` unless the loader says otherwise.
    ByName,
    /// A number that another loader gives a meaning.
    Other(u32),
}

impl Pinning {
    /// What the number `enum libbpf_pin_type` has for it, or another loader.
    #[doc(hidden)]
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        match number {
            0 => Self::None,
            1 => Self::ByName,
            other => Self::Other(other),
        }
    }
}
