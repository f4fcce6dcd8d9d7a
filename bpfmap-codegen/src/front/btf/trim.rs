//! Leaves out what a schema may not have, and says so.

use std::collections::{HashMap, HashSet};

use super::LeftOut;
use super::places::{Owner, Owners};
use crate::check;
use crate::diagnostics::{Finding, Severity};
use crate::facts::{KernelObject, MapTypeFacts, ValueRule};
use crate::ir::{
    Composite, InnerMap, MapDef, MemberType, Schema, Target, Type, TypeDef, TypeDefKind,
};

/// How often the check is asked again for what is left. What it finds on the third day is the maps'
/// own.
const ROUNDS: usize = 8;

/// Takes maps out of `schema` until it keeps every rule; adds what they broke to `findings`.
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
        for error in errors {
            let rule = error.rule;
            let gone = leave_out(schema, findings, owners, error);
            left_out.extend(gone.into_iter().map(|map| LeftOut { map, rule }));
        }
        if schema.maps.len() == before {
            // No map is to blame: nothing is left that could be trusted.
            schema.maps.clear();
        }
    }
    schema.maps.clear();
    schema.types.clear();
}

/// Takes the maps out that `error` is about.
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
            error.note(format!("left out for it: {}", names.join(", ")))
        }
    };
    findings.push(error);
    gone
}

/// Maps that are named and not there can be in no other.
fn without_missing(schema: &mut Schema) {
    let names: HashSet<String> = schema.maps.iter().map(|map| map.name.value.clone()).collect();
    for map in &mut schema.maps {
        if let Some(InnerMap::Named(name)) = map.inner.as_ref().map(|inner| &inner.value)
            && !names.contains(name)
        {
            map.inner = None;
        }
        let holds_maps = MapTypeFacts::by_name(&map.map_type.value)
            .is_some_and(|row| row.value == ValueRule::Object(KernelObject::Map));
        if holds_maps {
            map.values.retain(|(_, name)| names.contains(&name.value));
        }
    }
}

/// The maps whose key or value holds the type `name`, or leads to it.
fn holders<'a>(schema: &'a Schema, name: &str) -> Vec<&'a str> {
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
    let maps = schema.maps.iter().filter(|map| roots(map).iter().any(|name| found.contains(name)));
    maps.map(|map| map.name.value.as_str()).collect()
}

/// Takes the types out that no map needs.
fn forget_unused(schema: &mut Schema) {
    let by_name: HashMap<&str, &TypeDef> =
        schema.types.iter().map(|def| (def.name.value.as_str(), def)).collect();
    let mut used: HashSet<String> = HashSet::new();
    let mut rest: Vec<&str> = schema.maps.iter().flat_map(roots).collect();
    while let Some(name) = rest.pop() {
        if let Some(def) = by_name.get(name)
            && used.insert(name.to_owned())
        {
            rest.extend(parts(def));
        }
    }
    schema.types.retain(|def| used.contains(&def.name.value));
}

/// The names of types that a map mentions.
fn roots(map: &MapDef) -> Vec<&str> {
    let mut names = vec![];
    for ty in map.types() {
        mentioned(&ty.value, &mut names);
    }
    if let Some(template) = map.template() {
        names.extend(roots(template));
    }
    names
}

/// The names of types that a type mentions.
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
        // What user space only carries need not be described.
        Type::Special(_, Some(target)) => {
            let Target { name, .. } = &**target;
            names.push(&name.value);
        }
        Type::Named(name) => names.push(name),
        _ => {}
    }
}
