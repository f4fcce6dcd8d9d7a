//! Imports live maps of the kernel.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use bpfmap_btf::Btf;

use super::definition::{MapDefinition, STRUCT_OPS};
use super::sources::Source;
use super::{Imported, identifier, import};
use bpfmap_core::map_type::MapFlag;

/// The kernel's description of a map (`struct bpf_map_info`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveMapInfo {
    /// The ID of the map.
    pub id: u32,
    /// The name of the map, of which the kernel keeps only the first 15 bytes.
    pub name: String,
    /// The number of the map type.
    pub map_type: u32,
    /// The size of a key in bytes.
    pub key_size: u32,
    /// The size of a value in bytes.
    pub value_size: u32,
    /// The maximum number of entries.
    pub max_entries: u32,
    /// The flags of the map, as bits.
    pub flags: u32,
    /// The `map_extra` of the map, whose meaning depends on the map type.
    pub map_extra: u64,
    /// The ID of the map's BTF, or 0 for a map without BTF.
    pub btf: u32,
    /// The type of the key in the map's BTF, or 0 if the map has no type for its key.
    pub key_type: u32,
    /// The type of the value in the map's BTF, or 0 if the map has no type for its value.
    pub value_type: u32,
    /// For a map of maps, one of its inner maps. `None` if the map is empty.
    pub inner: Option<Box<LiveMapInfo>>,
    /// For a `struct_ops` map, the name of the kernel struct that the map implements.
    pub ops: Option<String>,
}

/// A BTF object to which live maps refer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveBtf {
    /// The ID of the BTF object.
    pub id: u32,
    /// The contents of the BTF object.
    pub data: Vec<u8>,
}

/// For each BTF ID, the index of its source or the reason why it could not be read.
struct Found(HashMap<u32, Result<usize, String>>);

impl LiveMapInfo {
    fn definition(&self, name: &str, found: &Found) -> MapDefinition {
        if self.map_type == STRUCT_OPS {
            // libbpf sets this flag itself if a kernel module defines the struct.
            let flags = MapFlag::by_name("vtype_btf_obj_fd").map_or(0, MapFlag::value);
            return MapDefinition {
                name: name.to_owned(),
                map_type: Some(self.map_type),
                flags: Some(self.flags & !flags),
                ops: self.ops.clone(),
                is_live: true,
                ..MapDefinition::default()
            };
        }
        let (source, opaque) = match found.0.get(&self.btf) {
            _ if self.btf == 0 => (None, Some("the map has no BTF".to_owned())),
            None => (None, Some("the BTF of the map can't be read".to_owned())),
            Some(Err(why)) => (None, Some(format!("the BTF of the map can't be read: {why}"))),
            Some(Ok(source)) => (Some(*source), None),
        };
        let typed = |id: u32| (source.is_some() && id != 0).then_some(id);
        let has_data = self.key_size != 0 || self.value_size != 0;
        MapDefinition {
            name: name.to_owned(),
            map_type: Some(self.map_type),
            key: typed(self.key_type),
            key_size: Some(self.key_size),
            value: typed(self.value_type),
            value_size: Some(self.value_size),
            max_entries: Some(self.max_entries),
            flags: Some(self.flags),
            map_extra: (self.map_extra != 0).then_some(self.map_extra),
            inner: self.inner.as_ref().map(|inner| Box::new(inner.definition("", found))),
            is_live: true,
            opaque: opaque.filter(|_| has_data),
            source: source.unwrap_or(0),
            ..MapDefinition::default()
        }
    }
}

/// Imports live maps of the kernel, with their BTF. Diagnostics show `path` as the file of the
/// maps. `name` is the name of the schema. If two maps or two different types have the same name,
/// one of them gets a number as a suffix. Equal types in several BTF objects become a single type.
///
/// Never fails, because errors become diagnostics.
#[must_use]
pub fn read_live(
    path: &Path,
    name: &str,
    maps: &[LiveMapInfo],
    btfs: &[LiveBtf],
    kernel: Option<&Btf<'_>>,
) -> Imported {
    let mut sources = vec![];
    let mut found = Found(HashMap::new());
    for btf in btfs {
        let source = Btf::parse(&btf.data).map(|parsed| {
            sources.push(Source::new(parsed));
            sources.len() - 1
        });
        found.0.insert(btf.id, source.map_err(|error| error.to_string()));
    }
    if sources.is_empty() {
        sources.push(Source::new(Btf::default()));
    }
    let mut names = Names::default();
    let definitions = maps.iter().map(|map| {
        let name = names.unique(&map.name);
        let called = (name != map.name).then(|| format!("`{}` with the ID {}", map.name, map.id));
        MapDefinition { called, ..map.definition(&name, &found) }
    });
    let definitions: Vec<MapDefinition> = definitions.collect();
    let size = btfs.iter().map(|btf| btf.data.len()).sum::<usize>();
    // Maps without BTF also use memory.
    let size = size.saturating_add(maps.len().saturating_mul(size_of::<LiveMapInfo>()));
    import(path, &identifier(name), size, &sources, kernel, &definitions, &[])
}

/// A generator of unique map names.
#[derive(Default)]
struct Names {
    taken: HashSet<String>,
    /// For each requested name, the number that was last tried as a suffix.
    numbers: HashMap<String, u32>,
}

impl Names {
    /// Returns `wanted`, with a number appended if another map already has the name.
    fn unique(&mut self, wanted: &str) -> String {
        let stem = identifier(if wanted.is_empty() { "map" } else { wanted });
        let mut name = stem.clone();
        let number = self.numbers.entry(stem.clone()).or_insert(1);
        while !self.taken.insert(name.clone()) {
            *number += 1;
            name = format!("{stem}_{number}");
        }
        name
    }
}
