//! The declaration of a map as data.

use crate::{KernelVersion, MapFlags, TypeDesc};

/// The declaration of a map as data. In generated code, it is a constant of the trait `bpfmap::MapSpec`. Tools that
/// read a schema create a `MapDef` at run time.
///
/// ```
/// use bpfmap_core::{MapDef, TypeDesc};
///
/// const COUNTERS: MapDef = MapDef::new("counters", 1, TypeDesc::U32, TypeDesc::U64).max_entries(10_000);
/// assert_eq!(COUNTERS.value_size(), 8);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct MapDef<'a> {
    /// The name of the map in the object file. The kernel keeps only the first 15 bytes of this name.
    pub name: &'a str,
    /// The number of the map type (`enum bpf_map_type`).
    pub map_type: u32,
    /// The maximum number of entries, or `None` if the schema does not set it.
    pub max_entries: Option<u32>,
    /// The flags for the creation of the map.
    pub flags: MapFlags,
    /// `map_extra`, whose meaning depends on the map type.
    pub map_extra: u64,
    /// The NUMA node of the map's memory, or `None` for any node.
    pub numa_node: Option<u32>,
    /// How a loader should pin the map.
    pub pinning: Pinning,
    /// Whether BTF describes the key and the value of the map. Without BTF, the kernel knows only their sizes.
    pub btf: bool,
    /// Whether the program that loads the object is allowed to leave out the map (`set_autocreate(false)`).
    pub optional: bool,
    /// The oldest kernel that the schema supports, or `None` if the schema has no `min_kernel`. A call of a method that
    /// needs a newer kernel does not compile.
    pub min_kernel: Option<KernelVersion>,
    /// The type of the key.
    pub key: &'a TypeDesc<'a>,
    /// The type of the value. In a per-CPU map, this is the type of one CPU's value.
    pub value: &'a TypeDesc<'a>,
    /// The type of the map's events, or [`TypeDesc::Void`] for a map without events.
    pub event: &'a TypeDesc<'a>,
    /// For a map of maps, the declaration of the inner maps.
    pub inner: Option<&'a MapDef<'a>>,
}

impl<'a> MapDef<'a> {
    /// Creates the declaration of a map from its name, map type, key and value. All other attributes have their
    /// defaults.
    #[must_use]
    pub const fn new(
        name: &'a str,
        map_type: u32,
        key: &'a TypeDesc<'a>,
        value: &'a TypeDesc<'a>,
    ) -> Self {
        Self {
            name,
            map_type,
            max_entries: None,
            flags: MapFlags::empty(),
            map_extra: 0,
            numa_node: None,
            pinning: Pinning::None,
            btf: true,
            optional: false,
            min_kernel: None,
            key,
            value,
            event: &TypeDesc::Void,
            inner: None,
        }
    }

    /// Sets the maximum number of entries.
    #[must_use]
    pub const fn max_entries(mut self, max_entries: u32) -> Self {
        self.max_entries = Some(max_entries);
        self
    }

    /// Sets the flags for the creation of the map.
    #[must_use]
    pub const fn flags(mut self, flags: MapFlags) -> Self {
        self.flags = flags;
        self
    }

    /// Sets `map_extra`, whose meaning depends on the map type.
    #[must_use]
    pub const fn map_extra(mut self, map_extra: u64) -> Self {
        self.map_extra = map_extra;
        self
    }

    /// Sets the NUMA node of the map's memory.
    #[must_use]
    pub const fn numa_node(mut self, node: u32) -> Self {
        self.numa_node = Some(node);
        self
    }

    /// Sets the type of the map's events.
    #[must_use]
    pub const fn event(mut self, event: &'a TypeDesc<'a>) -> Self {
        self.event = event;
        self
    }

    /// Sets how a loader should pin the map.
    #[must_use]
    pub const fn pinning(mut self, pinning: Pinning) -> Self {
        self.pinning = pinning;
        self
    }

    /// Sets whether BTF describes the key and the value of the map. Without BTF, the kernel knows only their sizes.
    #[must_use]
    pub const fn btf(mut self, btf: bool) -> Self {
        self.btf = btf;
        self
    }

    /// Makes the map optional: the program that loads the object is allowed to leave out the map.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Sets the oldest kernel that the schema supports.
    #[must_use]
    pub const fn min_kernel(mut self, kernel: KernelVersion) -> Self {
        self.min_kernel = Some(kernel);
        self
    }

    /// Sets the declaration of the inner maps of a map of maps.
    #[must_use]
    pub const fn inner(mut self, inner: &'a MapDef<'a>) -> Self {
        self.inner = Some(inner);
        self
    }

    /// Returns the size of a key in bytes.
    #[must_use]
    pub const fn key_size(&self) -> u64 {
        self.key.size()
    }

    /// Returns the size of a value in bytes. In a per-CPU map, this is the size of one CPU's value.
    #[must_use]
    pub const fn value_size(&self) -> u64 {
        self.value.size()
    }
}

/// The way in which a loader should pin a map (`pinning` in a BTF map definition).
///
/// ```
/// use bpfmap_core::{MapDef, Pinning, TypeDesc};
///
/// /// Returns the path at which libbpf pins a map.
/// fn pin(map: &MapDef<'_>) -> Option<String> {
///     match map.pinning {
///         Pinning::ByName => Some(format!("/sys/fs/bpf/{}", map.name)),
///         Pinning::None | Pinning::Other(_) => None,
///     }
/// }
///
/// let counters = MapDef::new("counters", 1, TypeDesc::U32, TypeDesc::U64);
/// assert_eq!(pin(&counters), None);
/// assert_eq!(pin(&counters.pinning(Pinning::ByName)).as_deref(), Some("/sys/fs/bpf/counters"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Pinning {
    /// The loader does not pin the map.
    #[default]
    None,
    /// The loader pins the map under the map's name (`LIBBPF_PIN_BY_NAME`). The default directory is `/sys/fs/bpf`.
    ByName,
    /// A number that libbpf does not know. Only your own loader understands it.
    Other(u32),
}

impl Pinning {
    /// The names of variants in schemas, each with its variant.
    pub const WORDS: &'static [(&'static str, Self)] =
        &[("none", Self::None), ("by_name", Self::ByName)];

    /// Returns the variant for a number of `enum libbpf_pin_type`. Returns [`Other`](Self::Other)
    /// for a number that is not in this enum.
    ///
    /// Source: libbpf, `libbpf.h`.
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
