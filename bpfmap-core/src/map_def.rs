//! What a schema says of a map, as data.

use crate::{KernelVersion, MapFlags, TypeDesc};

/// The definition of a map as data. `bpfmap::MapSpec` has it as a constant; tools that read a schema make it at run time.
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
    /// The name in the object file. The kernel keeps its first 15 bytes.
    pub name: &'a str,
    /// The number of the map type (`enum bpf_map_type`).
    pub map_type: u32,
    /// How many entries; `None`: the schema doesn't say.
    pub max_entries: Option<u32>,
    /// Flags of the map's creation.
    pub flags: MapFlags,
    /// What `map_extra` means to the map type.
    pub map_extra: u64,
    /// The memory node that a created map should be on.
    pub numa_node: Option<u32>,
    /// How a loader is asked to pin the map.
    pub pinning: Pinning,
    /// `false`: the map is described by its sizes alone.
    pub btf: bool,
    /// Whether the program that loads the object may leave the map out (`set_autocreate(false)`).
    pub optional: bool,
    /// The oldest kernel that has to take the map: methods that it lacks do not compile. `None`: the schema doesn't say.
    pub min_kernel: Option<KernelVersion>,
    /// The key as BTF describes it.
    pub key: &'a TypeDesc<'a>,
    /// The value as BTF describes it; of a per-CPU map, one CPU's.
    pub value: &'a TypeDesc<'a>,
    /// The event that the map carries, as BTF describes it; [`TypeDesc::Void`] if it carries none.
    pub event: &'a TypeDesc<'a>,
    /// The definition of the maps in a map of maps.
    pub inner: Option<&'a MapDef<'a>>,
}

impl<'a> MapDef<'a> {
    /// A map of this name and type, with this key and value, and nothing else said.
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

    /// Sets the number of entries.
    #[must_use]
    pub const fn max_entries(mut self, max_entries: u32) -> Self {
        self.max_entries = Some(max_entries);
        self
    }

    /// Sets the flags of the creation.
    #[must_use]
    pub const fn flags(mut self, flags: MapFlags) -> Self {
        self.flags = flags;
        self
    }

    /// Sets what `map_extra` means to the map type.
    #[must_use]
    pub const fn map_extra(mut self, map_extra: u64) -> Self {
        self.map_extra = map_extra;
        self
    }

    /// Sets the memory node that a created map should be on.
    #[must_use]
    pub const fn numa_node(mut self, node: u32) -> Self {
        self.numa_node = Some(node);
        self
    }

    /// Sets the event that the map carries.
    #[must_use]
    pub const fn event(mut self, event: &'a TypeDesc<'a>) -> Self {
        self.event = event;
        self
    }

    /// Sets how a loader is asked to pin the map.
    #[must_use]
    pub const fn pinning(mut self, pinning: Pinning) -> Self {
        self.pinning = pinning;
        self
    }

    /// Sets whether BTF describes the map. `false`: its sizes alone do.
    #[must_use]
    pub const fn btf(mut self, btf: bool) -> Self {
        self.btf = btf;
        self
    }

    /// Says that the program that loads the object may leave the map out.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Sets the oldest kernel that has to take the map.
    #[must_use]
    pub const fn min_kernel(mut self, kernel: KernelVersion) -> Self {
        self.min_kernel = Some(kernel);
        self
    }

    /// Sets the definition of the maps in a map of maps.
    #[must_use]
    pub const fn inner(mut self, inner: &'a MapDef<'a>) -> Self {
        self.inner = Some(inner);
        self
    }

    /// Bytes of a key.
    #[must_use]
    pub const fn key_size(&self) -> u64 {
        self.key.size()
    }

    /// Bytes of a value; of a per-CPU map, of one CPU's.
    #[must_use]
    pub const fn value_size(&self) -> u64 {
        self.value.size()
    }
}

/// How a loader is asked to pin a map (`pinning` of a BTF-defined map).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
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
