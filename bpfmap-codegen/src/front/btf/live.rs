//! Maps that are live in the kernel.

use std::path::Path;

use bpfmap_btf::Btf;

use super::definition::MapDefinition;
use super::{Imported, identifier, import, unreadable};

/// A map as the kernel describes it: `struct bpf_map_info`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveMap {
    /// Its name, of which the kernel keeps 15 bytes.
    pub name: String,
    /// The number of its type.
    pub map_type: u32,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// How many entries.
    pub max_entries: u32,
    /// Flags, by their bits.
    pub flags: u32,
    /// What the type takes it for.
    pub map_extra: u64,
    /// The type of a key in the BTF of the map; 0: none.
    pub key_type: u32,
    /// The type of a value in the BTF of the map; 0: none.
    pub value_type: u32,
    /// What a map of maps holds, if it holds any.
    pub inner: Option<Box<LiveMap>>,
}

impl LiveMap {
    fn definition(&self, has_btf: bool) -> MapDefinition {
        let typed = |id: u32| (has_btf && id != 0).then_some(id);
        MapDefinition {
            name: identifier(&self.name),
            map_type: Some(self.map_type),
            key: typed(self.key_type),
            key_size: Some(self.key_size),
            value: typed(self.value_type),
            value_size: Some(self.value_size),
            max_entries: Some(self.max_entries),
            flags: Some(self.flags),
            map_extra: (self.map_extra != 0).then_some(self.map_extra),
            // The types of an inner map are in a BTF of its own.
            inner: self.inner.as_ref().map(|inner| Box::new(inner.definition(false))),
            ..MapDefinition::default()
        }
    }
}

/// Imports maps that are live in the kernel, and of one BTF: `btf`, empty if they have none or if it
/// can't be read. `path` is how findings name them, `name` how the schema is called.
///
/// Never fails: what can't be read is a finding.
#[must_use]
pub fn read_live(
    path: &Path,
    name: &str,
    maps: &[LiveMap],
    btf: &[u8],
    kernel: Option<&Btf<'_>>,
) -> Imported {
    let parsed = if btf.is_empty() { Ok(Btf::default()) } else { Btf::parse(btf) };
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return unreadable(path, &error.to_string()),
    };
    let definitions: Vec<MapDefinition> =
        maps.iter().map(|map| map.definition(!btf.is_empty())).collect();
    import(path, &identifier(name), btf.len(), &parsed, kernel, &definitions, &[])
}
