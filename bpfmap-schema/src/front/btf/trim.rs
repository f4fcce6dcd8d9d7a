//! Removes all parts of an imported schema that break a rule, and reports these parts. If removing
//! the type of a key or value is sufficient, the map is kept. Otherwise, the whole map is removed.

use std::collections::{HashMap, HashSet};

use super::LeftOut;
use super::places::{Owner, Owners};
use crate::check;
use crate::diagnostics::{Finding, Severity};
use crate::ir::{
    Composite, InnerMap, KeyValue, MapDecl, MemberType, Schema, Target, Type, TypeDef, TypeDefKind,
};
use crate::layout::Layouts;
use crate::rules::{self, Rule};
use crate::source::{Span, Spanned};
use bpfmap_core::map_type::{KernelObject, MapType, ValueRule};

/// The maximum number of times that the remaining schema is checked again. If there are still errors after the last
/// check, all maps are left out.
const ROUNDS: usize = 8;

/// The rules that a key or value can break even without a type.
const OF_BYTES: &[&Rule] = &[
    &rules::ARRAY_KEY_SIZE,
    &rules::KEY_NOT_ALLOWED,
    &rules::KEY_SIZE,
    &rules::VALUE_NOT_ALLOWED,
    &rules::VALUE_SIZE,
];

/// Removes all parts of `schema` that break a rule, and reports these parts in `findings`. The
/// types of keys and values become bytes. Maps that still break a rule are left out.
pub(super) fn trim(
    schema: &mut Schema,
    findings: &mut Vec<Finding>,
    left_out: &mut Vec<LeftOut>,
    owners: &Owners,
) {
    without_missing(schema);
    for _ in 0..ROUNDS {
        forget_unused(schema);
        let errors = check::findings(schema).into_iter();
        let errors: Vec<Finding> =
            errors.filter(|finding| finding.severity() == Severity::Error).collect();
        if errors.is_empty() {
            return;
        }
        let before = schema.maps.len();
        let layouts = Layouts::new(schema);
        let mut mended = HashSet::new();
        for error in errors {
            let rule = error.rule;
            let parts = if OF_BYTES.contains(&rule) {
                vec![]
            } else {
                typed_parts(schema, owners, error.place.span)
            };
            let mut is_mended = false;
            for part in parts {
                // If a part has become bytes in this round, further diagnostics about it are not useful.
                is_mended |= mended.contains(&part)
                    || to_bytes(schema, &layouts, &part, &error, findings) && mended.insert(part);
            }
            if !is_mended {
                let gone = leave_out(schema, findings, owners, error);
                left_out.extend(gone.into_iter().map(|map| LeftOut { map, rule }));
            }
        }
        if schema.maps.len() == before && mended.is_empty() {
            // The errors do not belong to a map, so removing a map can't correct them. All maps are left out below.
            break;
        }
    }
    for map in schema.maps.drain(..) {
        let name = &map.name.value;
        let message = format!("the map `{name}` is left out, because it has too many mistakes");
        findings.push(Finding::new(&rules::IMPORT_MAP, map.span, message));
        left_out.push(LeftOut { map: map.name.value, rule: &rules::IMPORT_MAP });
    }
    schema.types.clear();
}

/// A key, a value or an event of a map.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct TypedPart {
    map: String,
    is_inner: bool,
    what: MapPart,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum MapPart {
    Key,
    Value,
    Event,
}

impl TypedPart {
    fn map<'a>(&self, schema: &'a mut Schema) -> Option<&'a mut MapDecl> {
        let map = schema.maps.iter_mut().find(|map| map.name.value == self.map)?;
        if self.is_inner { map.template_mut() } else { Some(map) }
    }
}

/// Returns the keys and values whose type causes the diagnostic at `span`, because the type is at
/// this position or contains a type at this position.
fn typed_parts(schema: &Schema, owners: &Owners, span: Span) -> Vec<TypedPart> {
    let holding = match owners.of(span) {
        Some(Owner::Type(name)) => holding(schema, name),
        Some(Owner::Map(_)) => HashSet::new(),
        None => return vec![],
    };
    let mut parts = vec![];
    for map in &schema.maps {
        for (is_inner, def) in [(false, Some(map)), (true, map.template())] {
            let Some(def) = def else { continue };
            let typed = |described: &'_ Option<KeyValue>| match described {
                Some(KeyValue::Type(ty)) => Some(ty.clone()),
                _ => None,
            };
            let all = [
                (MapPart::Key, typed(&def.key)),
                (MapPart::Value, typed(&def.value)),
                (MapPart::Event, def.event.clone()),
            ];
            for (what, ty) in all.into_iter().filter_map(|(what, ty)| Some((what, ty?))) {
                let mut names = vec![];
                mentioned(&ty.value, &mut names);
                if ty.span == span || names.iter().any(|name| holding.contains(name)) {
                    parts.push(TypedPart { map: map.name.value.clone(), is_inner, what });
                }
            }
        }
    }
    parts
}

/// Replaces the type of a key or value with bytes, or removes an event from its map.
fn to_bytes(
    schema: &mut Schema,
    layouts: &Layouts,
    part: &TypedPart,
    error: &Finding,
    findings: &mut Vec<Finding>,
) -> bool {
    let Some(map) = part.map(schema) else { return false };
    let (what, described) = match part.what {
        MapPart::Key => ("key", map.key.as_mut()),
        MapPart::Value => ("value", map.value.as_mut()),
        MapPart::Event => ("event", None),
    };
    let inner = if part.is_inner { "the maps in " } else { "" };
    let (name, why) = (&part.map, &error.message);
    let (span, message, help) = if let Some(described) = described {
        let KeyValue::Type(ty) = &*described else { return false };
        let size = u32::try_from(layouts.of(&ty.value).size).ok().filter(|size| *size != 0);
        let (Some(size), span) = (size, ty.span) else { return false };
        *described = KeyValue::Size(Spanned::new(size, span));
        let message = format!("the {what} of {inner}`{name}` becomes {size} bytes: {why}");
        (
            span,
            message,
            "change the type in the program; with the original type, libbpf creates the map \
             without BTF",
        )
    } else {
        let Some(event) = map.event.take() else { return false };
        let message = format!("the {what} of {inner}`{name}` is left out: {why}");
        (event.span, message, "declare the type of the map's records in the schema")
    };
    findings.push(
        Finding::new(&rules::IMPORT_BYTES, span, message)
            .note(format!(
                "with the original type, the map would break the rule `{}`",
                error.rule.id
            ))
            .help(help),
    );
    true
}

/// Removes the maps to which `error` belongs.
fn leave_out(
    schema: &mut Schema,
    findings: &mut Vec<Finding>,
    owners: &Owners,
    error: Finding,
) -> Vec<String> {
    let mut names: HashSet<String> = HashSet::new();
    match owners.of(error.place.span) {
        Some(Owner::Map(name)) => {
            names.insert(name.clone());
        }
        Some(Owner::Type(name)) => {
            let holders = holders(schema, name);
            names.extend(holders.into_iter().map(str::to_owned));
        }
        None => {}
    }
    let gone: Vec<String> = schema
        .maps
        .iter()
        .map(|map| map.name.value.clone())
        .filter(|name| names.contains(name))
        .collect();
    schema.maps.retain(|map| !names.contains(&map.name.value));
    without_missing(schema);
    let error = match gone.as_slice() {
        [] => error,
        names => {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            error.note(format!(
                "the maps that are left out because of this error: {}",
                names.join(", ")
            ))
        }
    };
    findings.push(error);
    gone
}

/// Removes references to maps that are not in the schema.
fn without_missing(schema: &mut Schema) {
    let names: HashSet<String> = schema.maps.iter().map(|map| map.name.value.clone()).collect();
    for map in &mut schema.maps {
        if let Some(InnerMap::Named(name)) = map.inner.as_ref().map(|inner| &inner.value) {
            if !names.contains(name) {
                map.inner = None;
            }
        }
        let holds_maps = MapType::by_name(&map.map_type.value)
            .is_some_and(|row| row.value == ValueRule::Object(KernelObject::Map));
        if holds_maps {
            map.values.retain(|(_, name)| names.contains(&name.value));
        }
    }
}

/// A map with its template and the types of their keys and values.
pub(super) struct About<'a> {
    maps: Vec<&'a str>,
    types: HashSet<&'a str>,
}

impl<'a> About<'a> {
    pub(super) fn new(schema: &'a Schema, map: &'a str) -> Self {
        let mut about = Self { maps: vec![map], types: HashSet::new() };
        let find = |name: &str| schema.maps.iter().find(|map| map.name.value == name);
        let Some(def) = find(map) else { return about };
        let mut rest = roots(def);
        if let Some(inner) = schema.inner_of(def) {
            if find(&inner.name.value).is_some() {
                about.maps.push(&inner.name.value);
                rest.extend(roots(inner));
            }
        }
        let by_name = by_name(schema);
        while let Some(name) = rest.pop() {
            if about.types.insert(name) {
                rest.extend(by_name.get(name).into_iter().flat_map(|def| parts(def)));
            }
        }
        about
    }

    /// Returns whether `owner` is the map, its template or one of these types.
    pub(super) fn is(&self, owner: &Owner) -> bool {
        match owner {
            Owner::Map(name) => self.maps.contains(&name.as_str()),
            Owner::Type(name) => self.types.contains(name.as_str()),
        }
    }
}

fn by_name(schema: &Schema) -> HashMap<&str, &TypeDef> {
    schema.types.iter().map(|def| (def.name.value.as_str(), def)).collect()
}

/// Returns the maps whose key or value contains the type `name` or a pointer to this type.
fn holders<'a>(schema: &'a Schema, name: &'a str) -> Vec<&'a str> {
    let found = holding(schema, name);
    let maps = schema.maps.iter().filter(|map| roots(map).iter().any(|name| found.contains(name)));
    maps.map(|map| map.name.value.as_str()).collect()
}

/// Returns the type `name` and all types that contain this type or a pointer to it.
fn holding<'a>(schema: &'a Schema, name: &'a str) -> HashSet<&'a str> {
    let mut users: HashMap<&str, Vec<&str>> = HashMap::new();
    for def in &schema.types {
        for used in parts(def) {
            users.entry(used).or_default().push(&def.name.value);
        }
    }
    let mut found: HashSet<&str> = HashSet::from([name]);
    let mut rest = vec![name];
    while let Some(name) = rest.pop() {
        for user in users.get(name).into_iter().flatten() {
            if found.insert(user) {
                rest.push(user);
            }
        }
    }
    found
}

/// Removes the types that no map needs.
fn forget_unused(schema: &mut Schema) {
    let by_name = by_name(schema);
    let mut used: HashSet<String> = HashSet::new();
    let mut rest: Vec<&str> = schema.maps.iter().flat_map(roots).collect();
    while let Some(name) = rest.pop() {
        if let Some(def) = by_name.get(name) {
            if used.insert(name.to_owned()) {
                rest.extend(parts(def));
            }
        }
    }
    schema.types.retain(|def| used.contains(&def.name.value));
}

/// Returns the names of the types to which a map refers.
fn roots(map: &MapDecl) -> Vec<&str> {
    let mut names = vec![];
    for ty in map.types() {
        mentioned(&ty.value, &mut names);
    }
    if let Some(template) = map.template() {
        names.extend(roots(template));
    }
    names
}

/// Returns the names of the types to which a type refers.
fn parts(def: &TypeDef) -> Vec<&str> {
    let mut names = vec![];
    match &def.kind {
        TypeDefKind::Struct(body) | TypeDefKind::Union(body) => members(body, &mut names),
        TypeDefKind::Enum(_) => {}
        TypeDefKind::Alias(target) => mentioned(&target.value, &mut names),
    }
    names
}

fn members<'a>(body: &'a Composite, names: &mut Vec<&'a str>) {
    for member in &body.members {
        match &member.ty {
            MemberType::Type(ty) => mentioned(&ty.value, names),
            MemberType::Struct(body) | MemberType::Union(body) => members(body, names),
        }
    }
}

fn mentioned<'a>(ty: &'a Type, names: &mut Vec<&'a str>) {
    match ty {
        Type::Array(element, _) => mentioned(&element.value, names),
        // The target of a plain pointer is not needed, because user space only copies such a pointer.
        Type::Special(_, Some(target)) => {
            let Target { name, .. } = &**target;
            names.push(&name.value);
        }
        Type::Named(name) => names.push(name),
        _ => {}
    }
}
