//! What a schema says of a map, as data.

use crate::kind::Kind;
use crate::layout::TypeLayout;
use crate::spec::{MapFlags, MapSpec};

/// What a schema says of a map: the same as a [`MapSpec`], for who learns it only at run time.
///
/// ```
/// use bpfmap::{Declaration, layout::Layout};
///
/// const COUNTERS: Declaration = Declaration {
///     max_entries: Some(10_000),
///     ..Declaration::new("counters", 1, Layout::U32, Layout::U64)
/// };
/// assert_eq!(COUNTERS.value_size(), 8);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Declaration<'a> {
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
    /// `false`: the map is described by its sizes alone.
    pub btf: bool,
    /// The key as BTF describes it.
    pub key: &'a TypeLayout<'a>,
    /// The value as BTF describes it; of a per-CPU map, one CPU's.
    pub value: &'a TypeLayout<'a>,
    /// The event that the map carries, as BTF describes it; [`TypeLayout::Void`] if it carries none.
    pub event: &'a TypeLayout<'a>,
}

impl<'a> Declaration<'a> {
    /// A map of this name and type, with this key and value, and nothing else said.
    #[must_use]
    pub const fn new(
        name: &'a str,
        map_type: u32,
        key: &'a TypeLayout<'a>,
        value: &'a TypeLayout<'a>,
    ) -> Self {
        Self {
            name,
            map_type,
            max_entries: None,
            flags: MapFlags::NONE,
            map_extra: 0,
            numa_node: None,
            btf: true,
            key,
            value,
            event: &TypeLayout::Void,
        }
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

impl Declaration<'static> {
    /// What a spec says.
    #[must_use]
    pub const fn of<S: MapSpec>() -> Self {
        Self {
            name: S::NAME,
            map_type: S::Kind::TYPE,
            max_entries: S::MAX_ENTRIES,
            flags: S::FLAGS,
            map_extra: S::MAP_EXTRA,
            numa_node: S::NUMA_NODE,
            btf: S::BTF,
            key: S::KEY_LAYOUT,
            value: S::VALUE_LAYOUT,
            event: S::EVENT_LAYOUT,
        }
    }
}
