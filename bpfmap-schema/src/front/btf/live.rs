//! Live maps of the kernel.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use bpfmap_btf::Btf;

use super::definition::{MapDefinition, STRUCT_OPS};
use super::sources::Source;
use super::{Imported, identifier, import};
use bpfmap_core::map_type::MapFlag;

/// A map as the kernel describes it: `struct bpf_map_info`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveMapInfo {
    /// Its id.
    pub id: u32,
    /// Its name, which the kernel cuts to 15 bytes.
    pub name: String,
    /// The number of its type.
    pub map_type: u32,
    /// The size of a key in bytes.
    pub key_size: u32,
    /// The size of a value in bytes.
    pub value_size: u32,
    /// How many entries.
    pub max_entries: u32,
    /// Flags, by their bits.
    pub flags: u32,
    /// A number whose meaning depends on the map type.
    pub map_extra: u64,
    /// The id of its BTF, or 0 if it has none.
    pub btf: u32,
    /// The type of a key in its BTF, or 0 if there is none.
    pub key_type: u32,
    /// The type of a value in its BTF, or 0 if there is none.
    pub value_type: u32,
    /// An inner map of a map of maps, if there is one.
    pub inner: Option<Box<LiveMapInfo>>,
    /// For a `struct_ops` map, the kernel's struct of functions that it implements.
    pub ops: Option<String>,
}

/// The BTF of live maps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveBtf {
    /// Its id.
    pub id: u32,
    /// The data.
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
            _ if self.btf == 0 => (None, Some("it has no BTF".to_owned())),
            None => (None, Some("its BTF can't be read".to_owned())),
            Some(Err(why)) => (None, Some(format!("its BTF can't be read: {why}"))),
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

/// Imports live maps of the kernel, with their BTF. Diagnostics name them `path`, and `name` is the name of the schema.
/// Duplicate names of maps get numbers, and so do different types with the same name; equal types of several BTFs
/// become one.
///
/// Never fails: errors are diagnostics.
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
        let called = (name != map.name).then(|| format!("`{}` of id {}", map.name, map.id));
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
    /// For each requested name, the number that was tried last.
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
