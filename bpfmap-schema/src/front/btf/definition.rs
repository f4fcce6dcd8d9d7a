//! Reads map definitions in the same way as libbpf. A definition is either in the section `.maps`,
//! whose contents BTF describes, or in the section `maps`, which libbpf supported before version
//! 1.0. Other loaders use a section `maps/NAME` for each map.
//!
//! Source: libbpf, `parse_btf_map_def` and `bpf_object__collect_map_relos` in `src/libbpf.c`.

use std::collections::HashMap;

use bpfmap_btf::{Btf, Kind, Type, TypeId};

use super::elf::{ObjectFile, Symbol};
use super::old;
use crate::rules::{self, Rule};
use bpfmap_core::map_type::{EventRule, MAP_TYPES, ValueRule};

/// The definition of a map in an object file. If an attribute is `None`, the definition does not contain the attribute,
/// which is not the same as the value 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MapDefinition {
    /// The name of the map, or an empty string for a template.
    pub name: String,
    /// The number of the map type.
    pub map_type: Option<u32>,
    /// The type of the keys.
    pub key: Option<TypeId>,
    /// The size of a key in bytes.
    pub key_size: Option<u32>,
    /// The type of the values.
    pub value: Option<TypeId>,
    /// The size of a value in bytes.
    pub value_size: Option<u32>,
    /// The type of the records.
    pub event: Option<EventDefinition>,
    /// The maximum number of entries.
    pub max_entries: Option<u32>,
    /// The flags of the map, as bits.
    pub flags: Option<u32>,
    /// The way in which the map is pinned, as a number of `enum libbpf_pin_type`.
    pub pinning: Option<u32>,
    /// The NUMA node of the map's memory.
    pub numa_node: Option<u32>,
    /// The `map_extra` of the map, whose meaning depends on the map type.
    pub map_extra: Option<u64>,
    /// For a map of maps, the template for the inner maps.
    pub inner: Option<Box<MapDefinition>>,
    /// Whether the definition declares programs as values.
    pub holds_programs: bool,
    /// The initial contents. Each consists of an index and the name of a map or a program.
    pub values: Vec<(u32, String)>,
    /// The BTF ID of the variable, to which the declaration tags belong. It is 0 for a template and for a map in the
    /// old section `maps`.
    pub variable: TypeId,
    /// The struct that defines the map. Several maps can share one struct.
    pub structure: TypeId,
    /// Whether the symbol is weak, so that another definition takes precedence.
    pub is_weak: bool,
    /// The name of the kernel struct that a `struct_ops` map implements.
    pub ops: Option<String>,
    /// Whether this is a live map of the kernel and not a definition in an object file.
    pub(super) is_live: bool,
    /// The reason why the types of the map are unknown, or `None` if they are known or the map has
    /// none.
    pub(super) opaque: Option<String>,
    /// A description of the live map for diagnostics, if another live map has the same name.
    pub(super) called: Option<String>,
    /// The index of the BTF that contains the types of the map.
    pub(super) source: usize,
}

/// The type of a map's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventDefinition {
    /// The type of a record.
    pub ty: TypeId,
    /// Whether the definition declares the type of the records as the type of a value. cilium/ebpf and aya accept such
    /// a definition, but libbpf does not.
    pub is_value: bool,
}

impl MapDefinition {
    /// For a map type with records, moves the type of the records from `value` to `event`. For any
    /// other map type, removes `event`.
    fn tell_event(&mut self, btf: &Btf<'_>) {
        let row = MAP_TYPES.iter().find(|row| Some(row.number) == self.map_type);
        let Some(row) = row.filter(|row| row.events != EventRule::Nothing) else {
            self.event = None;
            return;
        };
        let Some(value) = self.value_type(btf) else { return };
        // The value of a perf event array is the file descriptor of a perf event.
        let is_descriptor = matches!(row.value, ValueRule::Object(_))
            && btf.size(value) == Ok(4)
            && matches!(btf.resolve(value), Ok(Some(Type { kind: Kind::Int(_), .. })));
        if !is_descriptor {
            self.event.get_or_insert(EventDefinition { ty: value, is_value: true });
            self.value = None;
        }
    }

    /// Returns the type of the keys. Returns `None` for a type of size 0, as in `__uint(key, 0)`.
    #[must_use]
    pub fn key_type(&self, btf: &Btf<'_>) -> Option<TypeId> {
        self.key.filter(|id| btf.size(*id).is_ok_and(|size| size != 0))
    }

    /// Returns the type of the values. Returns `None` for a type of size 0.
    #[must_use]
    pub fn value_type(&self, btf: &Btf<'_>) -> Option<TypeId> {
        self.value.filter(|id| btf.size(*id).is_ok_and(|size| size != 0))
    }

    /// Returns the key size and the value size with which libbpf creates the map. If the definition
    /// contains both a type and a size, libbpf requires that they agree. The values of maps of maps
    /// and of program arrays have 4 bytes.
    #[must_use]
    pub fn sizes(&self, btf: &Btf<'_>) -> (u32, u32) {
        let size = |said: Option<u32>, ty: Option<TypeId>| {
            let measured = ty.and_then(|ty| u32::try_from(btf.size(ty).ok()?).ok());
            measured.or(said).unwrap_or(0)
        };
        let holds = self.inner.is_some() || self.holds_programs || !self.values.is_empty();
        let value = match size(self.value_size, self.value_type(btf)) {
            0 if holds => 4,
            size => size,
        };
        (size(self.key_size, self.key_type(btf)), value)
    }
}

/// A map that could not be read.
pub(super) struct Unread {
    /// The name of the map.
    pub(super) map: String,
    /// The rule that the map breaks.
    pub(super) rule: &'static Rule,
    /// The reason why the map could not be read.
    pub(super) why: String,
}

impl Unread {
    fn new(map: &str, why: String) -> Self {
        Self { map: map.to_owned(), rule: &rules::IMPORT_MAP, why }
    }
}

/// Returns all maps of an object file.
pub(super) fn read(
    object: &ObjectFile<'_>,
    btf: Option<&Btf<'_>>,
) -> (Vec<MapDefinition>, Vec<Unread>) {
    let (mut maps, mut unread) = (vec![], vec![]);
    let references = object.references(".maps");
    let variables = btf.map(variables).unwrap_or_default();
    for symbol in object.variables(".maps") {
        let Some(btf) = btf else {
            unread.push(Unread::new(
                symbol.name,
                "the file has no BTF that defines the map".to_owned(),
            ));
            continue;
        };
        match defined(btf, &symbol, variables.get(symbol.name), &references) {
            Ok(map) => maps.push(map),
            Err(why) => unread.push(Unread::new(symbol.name, why)),
        }
    }
    let annotated = btf.map(annotations).unwrap_or_default();
    let (mut old_maps, mut extras) = (vec![], vec![]);
    for section in object.sections("maps") {
        if section.variables.is_empty() && !section.data.is_empty() {
            let name = section.name.strip_prefix("maps/").unwrap_or(section.name);
            let why = format!("its section `{}` has no symbol", section.name);
            unread.push(Unread::new(name, why));
        }
        for symbol in section.variables {
            match old::definition(section.data, &symbol, object.is_little_endian()) {
                Ok((mut map, extra)) => {
                    if let Some((structure, key, value)) = annotated.get(symbol.name) {
                        (map.key, map.value) = (Some(*key), Some(*value));
                        map.structure = *structure;
                    }
                    old_maps.push(map);
                    extras.push(extra);
                }
                Err(why) => unread.push(Unread::new(symbol.name, why)),
            }
        }
    }
    old::link(&mut old_maps, &extras);
    maps.extend(old_maps);
    if let Some(btf) = btf {
        for map in struct_ops(btf) {
            match map {
                Ok(map) => maps.push(map),
                Err(why) => unread.push(why),
            }
        }
    }
    (maps, unread)
}

/// The sections whose variables become `struct_ops` maps in libbpf, with the flags of those maps.
/// If the name of a section begins with a question mark, libbpf creates the maps of this section
/// only on demand.
const STRUCT_OPS_SECTIONS: &[(&str, u32)] = &[
    (".struct_ops", 0),
    (".struct_ops.link", 1 << 13),
    ("?.struct_ops", 0),
    ("?.struct_ops.link", 1 << 13),
];

/// The number of the map type `struct_ops`.
pub(super) const STRUCT_OPS: u32 = bpfmap_core::map_type::STRUCT_OPS.number;

/// Returns the `struct_ops` maps of an object. Source: libbpf, `init_struct_ops_maps` in `src/libbpf.c`.
fn struct_ops(btf: &Btf<'_>) -> Vec<Result<MapDefinition, Unread>> {
    let mut maps = vec![];
    for (_, section) in btf.iter() {
        let Kind::DataSection { variables, .. } = &section.kind else { continue };
        let found = STRUCT_OPS_SECTIONS.iter().find(|(name, _)| *name == section.name);
        let Some((_, flags)) = found else { continue };
        for variable in variables {
            let Some(Type { name, kind: Kind::Variable { ty, .. } }) = btf.get(variable.variable)
            else {
                continue;
            };
            maps.push(struct_of_programs(btf, name, *ty, *flags).map_err(|why| Unread {
                rule: &rules::IMPORT_STRUCT_OPS,
                ..Unread::new(name, why)
            }));
        }
    }
    maps
}

fn struct_of_programs(
    btf: &Btf<'_>,
    name: &str,
    ty: TypeId,
    flags: u32,
) -> Result<MapDefinition, String> {
    let Ok(Some(Type { name: ops, kind: Kind::Struct(_) })) = btf.resolve(ty) else {
        return Err("the variable is not a struct".to_owned());
    };
    // The generated header declares the variable with the type of the kernel struct, so a suffix after `___` would be
    // lost.
    if let Some((kernels, _)) = ops.split_once("___") {
        return Err(format!(
            "its type is `{ops}`, but a schema supports only the kernel struct `{kernels}`"
        ));
    }
    if ops.is_empty() {
        return Err("its struct has no name".to_owned());
    }
    Ok(MapDefinition {
        name: name.to_owned(),
        map_type: Some(STRUCT_OPS),
        flags: Some(flags),
        ops: Some((*ops).to_owned()),
        ..MapDefinition::default()
    })
}

fn defined(
    btf: &Btf<'_>,
    symbol: &Symbol<'_>,
    variable: Option<&(TypeId, TypeId)>,
    references: &[(u64, &str)],
) -> Result<MapDefinition, String> {
    let (variable, ty) = *variable.ok_or("BTF has no such variable")?;
    let (mut map, values_at) = structure(btf, ty, true)?;
    map.tell_event(btf);
    symbol.name.clone_into(&mut map.name);
    map.variable = variable;
    map.is_weak = symbol.is_weak;
    let size = if symbol.size > 0 { symbol.size } else { btf.size(ty).unwrap_or_default() };
    let end = symbol.offset.saturating_add(size);
    let first = references.partition_point(|(at, _)| *at < symbol.offset);
    for (at, name) in references[first..].iter().take_while(|(at, _)| *at < end) {
        let Some(values_at) = values_at else {
            return Err("the map contains an address outside of `values`".to_owned());
        };
        let slot = (at - symbol.offset).checked_sub(values_at).map(|offset| offset / 8);
        let slot = slot.and_then(|slot| u32::try_from(slot).ok());
        let slot = slot.ok_or("the map contains an address outside of `values`")?;
        map.values.push((slot, (*name).to_owned()));
    }
    Ok(map)
}

/// Returns the variables of an object by name, each with its type.
fn variables<'a>(btf: &Btf<'a>) -> HashMap<&'a str, (TypeId, TypeId)> {
    let variables = btf.iter().filter_map(|(id, ty)| match ty.kind {
        Kind::Variable { ty: of, .. } => Some((ty.name, (id, of))),
        _ => None,
    });
    variables.collect()
}

/// Reads the struct that defines a map. Also returns the offset of the member `values`.
fn structure(
    btf: &Btf<'_>,
    id: TypeId,
    is_outer: bool,
) -> Result<(MapDefinition, Option<u64>), String> {
    let ty = btf.resolve(id).map_err(|error| error.to_string())?;
    let Some(Type { kind: Kind::Struct(body), .. }) = ty else {
        return Err("its definition is not a struct".to_owned());
    };
    let mut map = MapDefinition {
        structure: resolved_id(btf, id),
        event: btf.event_of(id).map(|ty| EventDefinition { ty, is_value: false }),
        ..MapDefinition::default()
    };
    let mut values_at = None;
    for member in &body.members {
        let number =
            || number(btf, member.ty).ok_or_else(|| format!("`{}` is not a number", member.name));
        let pointee = || match btf.resolve(member.ty) {
            Ok(Some(Type { kind: Kind::Pointer(target), .. })) => Ok(*target),
            _ => Err(format!("`{}` is not a pointer", member.name)),
        };
        match member.name {
            "type" => map.map_type = Some(number()?),
            "key_size" => map.key_size = Some(number()?),
            "value_size" => map.value_size = Some(number()?),
            "max_entries" => map.max_entries = Some(number()?),
            "map_flags" => map.flags = Some(number()?),
            "pinning" => map.pinning = Some(number()?),
            "numa_node" => map.numa_node = Some(number()?),
            "map_extra" => {
                let long = long_number(btf, member.ty);
                map.map_extra = Some(long.ok_or("`map_extra` is not a number")?);
            }
            "key" => map.key = Some(pointee()?),
            "value" => map.value = Some(pointee()?),
            "values" => {
                values_at = Some(u64::from(member.bit_offset) / 8);
                let held = held(btf, member.ty)?;
                map.holds_programs = held.is_none();
                if let Some(inner) = held {
                    if !is_outer {
                        return Err("maps of maps can't be nested".to_owned());
                    }
                    let (mut inner, _) = structure(btf, inner, false)?;
                    inner.tell_event(btf);
                    map.inner = Some(Box::new(inner));
                }
            }
            other => return Err(format!("libbpf does not know the attribute `{other}`")),
        }
    }
    Ok((map, values_at))
}

/// Follows typedefs and qualifiers, and returns the ID of the struct.
fn resolved_id(btf: &Btf<'_>, id: TypeId) -> TypeId {
    let mut at = id;
    for _ in 0..32 {
        match btf.get(at).map(|ty| &ty.kind) {
            Some(
                Kind::Typedef(target)
                | Kind::Const(target)
                | Kind::Volatile(target)
                | Kind::Restrict(target),
            ) => at = *target,
            _ => break,
        }
    }
    at
}

/// Reads `__uint(name, N)`, which is a pointer to an array of `N` elements.
fn number(btf: &Btf<'_>, id: TypeId) -> Option<u32> {
    let Kind::Pointer(array) = btf.resolve(id).ok()??.kind else { return None };
    match &btf.resolve(array).ok()??.kind {
        Kind::Array(array) => Some(array.len),
        _ => None,
    }
}

/// Reads `__ulong(name, N)`, which is an enum with one constant, or `__uint(name, N)`.
fn long_number(btf: &Btf<'_>, id: TypeId) -> Option<u64> {
    match &btf.resolve(id).ok()??.kind {
        Kind::Enum(body) => match body.variants.as_slice() {
            // The compiler chooses whether the enum is signed, so the signedness has no meaning.
            [only] => u64::try_from(only.value & i128::from(u64::MAX)).ok(),
            _ => None,
        },
        _ => number(btf, id).map(u64::from),
    }
}

/// Reads `__array(values, …)`. Returns the struct that defines the inner maps, or `None` if the
/// values are programs.
fn held(btf: &Btf<'_>, id: TypeId) -> Result<Option<TypeId>, String> {
    const WRONG: &str = "`values` is not an array of pointers";
    let Ok(Some(Type { kind: Kind::Array(array), .. })) = btf.resolve(id) else {
        return Err(WRONG.to_owned());
    };
    let Ok(Some(Type { kind: Kind::Pointer(target), .. })) = btf.resolve(array.element) else {
        return Err(WRONG.to_owned());
    };
    match btf.resolve(*target).map(|ty| ty.map(|ty| &ty.kind)) {
        Ok(Some(Kind::Struct(_))) => Ok(Some(*target)),
        Ok(Some(Kind::Prototype { .. })) => Ok(None),
        _ => Err("`values` contains neither maps nor programs".to_owned()),
    }
}

/// The prefix of the names of structs that describe the key and the value of maps in the old section `maps`. The name
/// of the map follows the prefix. The macro `BPF_ANNOTATE_KV_PAIR` declares these structs.
const ANNOTATION: &str = "____btf_map_";

fn annotations<'a>(btf: &Btf<'a>) -> HashMap<&'a str, (TypeId, TypeId, TypeId)> {
    let annotations = btf.iter().filter_map(|(id, ty)| {
        let Kind::Struct(body) = &ty.kind else { return None };
        let [key, value] = body.members.as_slice() else { return None };
        Some((ty.name.strip_prefix(ANNOTATION)?, (id, key.ty, value.ty)))
    });
    annotations.collect()
}
