//! The Rust names of the items of a schema.
//!
//! | in the schema | in Rust |
//! | --- | --- |
//! | type `ip_key` | `IpKey` |
//! | type `self` | `TypeSelf` |
//! | struct or union that `ip_key` declares in place as the member `limits` | `IpKeyLimits` |
//! | first anonymous struct or union in `ip_key` | field `anon0`, type `IpKeyAnon0` |
//! | map `counters` | spec type `Counters`, field `counters` of `Maps` |
//! | key, value or inner map that the loader sets | type parameter `K`, `V` or `I` of the spec type |
//! | inner map that the map `tenants` declares in place | spec type `TenantsInner` |
//! | member `type` | `r#type`; `self`, `Self`, `super`, `crate` get the suffix `_` |
//!
//! If two names would be the same, `Map` is appended to the name of a spec type, and a number is appended to any other
//! name.

use std::collections::{HashMap, HashSet};

use crate::ir::{Attribute, MapDecl, Schema, TypeDef};
use crate::naming::upper_camel_case;

/// The name of the struct that contains the handles of all maps.
pub const MAPS: &str = "Maps";

/// The Rust names of a schema's types and maps.
#[derive(Debug)]
pub struct Names<'a> {
    types: HashMap<&'a str, String>,
    specs: HashMap<&'a str, String>,
    taken: HashSet<String>,
}

impl<'a> Names<'a> {
    /// Returns the names of all types and maps of `schema`.
    #[must_use]
    pub fn new(schema: &'a Schema) -> Self {
        Self::without(schema, &[])
    }

    /// Returns the names of all types and maps of `schema`. None of them is a name in `reserved`.
    #[must_use]
    pub fn without(schema: &'a Schema, reserved: &[&str]) -> Self {
        let mut names = Self::of_types(schema.types.iter(), reserved);
        for map in &schema.maps {
            let mut name = camel(&map.name.value);
            if names.taken.contains(&name) {
                name.push_str("Map");
            }
            let name = names.take_type(&name);
            if let Some(template) = map.template() {
                let inner = names.take_type(&format!("{}Inner", name.trim_end_matches('_')));
                names.specs.entry(&template.name.value).or_insert(inner);
            }
            names.specs.entry(&map.name.value).or_insert(name);
        }
        names
    }

    /// Returns the names of the types of a schema. None of them is a name in `reserved`. Maps do
    /// not affect these names.
    pub fn of_types(types: impl Iterator<Item = &'a TypeDef>, reserved: &[&str]) -> Self {
        let taken = [MAPS].iter().chain(reserved).map(|name| (*name).to_owned());
        let mut names =
            Self { types: HashMap::new(), specs: HashMap::new(), taken: taken.collect() };
        for def in types {
            let name = names.take_type(&camel(&def.name.value));
            names.types.entry(&def.name.value).or_insert(name);
        }
        names
    }

    /// Returns the Rust name of the type with the schema name `name`.
    pub fn ty(&self, name: &str) -> &str {
        self.types.get(name).map_or("u8", String::as_str)
    }

    /// Returns the name of the spec type of the map with the schema name `name`.
    pub fn spec(&self, name: &str) -> &str {
        self.specs.get(name).map_or("", String::as_str)
    }

    /// Returns the type parameters of a map's spec type. There is one for each type that the loader sets.
    #[must_use]
    pub fn parameters(&self, map: &MapDecl) -> Vec<(Attribute, String)> {
        let named = map.open_parts().into_iter().map(|part| {
            let base = match part {
                Attribute::Key => "K",
                Attribute::Value => "V",
                Attribute::Inner | Attribute::MaxEntries => "I",
            };
            let mut name = base.to_owned();
            while self.taken.contains(&name) {
                name.push_str("Type");
            }
            (part, name)
        });
        named.collect()
    }

    /// Returns whether a type or a map already has this Rust name.
    #[must_use]
    pub fn is_taken(&self, name: &str) -> bool {
        self.taken.contains(name)
    }

    /// Returns a unique type name. The name is `base` if this name is not used yet.
    pub fn take_type(&mut self, base: &str) -> String {
        let mut name = base.to_owned();
        let mut number = 2;
        while !self.taken.insert(name.clone()) {
            name = format!("{base}{number}");
            number += 1;
        }
        name
    }
}

/// Returns `<K, V>`, or an empty string if there are no parameters.
#[must_use]
pub fn parameter_list(parameters: &[(Attribute, String)]) -> String {
    let names: Vec<&str> = parameters.iter().map(|(_, name)| name.as_str()).collect();
    if names.is_empty() { String::new() } else { format!("<{}>", names.join(", ")) }
}

/// Returns a name in upper camel case, such as `IpKey` for `ip_key`. `self` and names without letters get the prefix
/// `Type`.
#[must_use]
pub fn camel(name: &str) -> String {
    let camel = upper_camel_case(name);
    match camel.as_str() {
        // A suffix `_` is not possible, because words are appended to this name in other names.
        "Self" => "TypeSelf".to_owned(),
        _ if camel.starts_with(|first: char| first.is_ascii_alphabetic()) => camel,
        _ => format!("Type{camel}"),
    }
}

/// Returns `name` as an identifier. If the name is a keyword of Rust, the result is a raw identifier.
#[must_use]
pub fn identifier(name: &str) -> String {
    match name {
        "self" | "Self" | "super" | "crate" | "_" => format!("{name}_"),
        _ if KEYWORDS.contains(&name) => format!("r#{name}"),
        _ => name.to_owned(),
    }
}

/// The keywords of Rust 2024 that can be raw identifiers.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
    "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return",
    "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while", "yield",
];

/// A generator of names that are unique within one type.
#[derive(Debug, Default)]
pub struct Scope {
    taken: HashSet<String>,
}

impl Scope {
    /// Returns `base` as an identifier. If the identifier is not unique, appends as many `_` as necessary.
    pub fn take(&mut self, base: &str) -> String {
        let mut name = base.to_owned();
        while !self.taken.insert(identifier(&name)) {
            name.push('_');
        }
        identifier(&name)
    }

    /// Returns the prefix with the next unused number, such as `prefix0`.
    pub fn take_numbered(&mut self, prefix: &str, number: &mut u32) -> String {
        loop {
            let name = format!("{prefix}{number}");
            *number += 1;
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }
}

/// Returns an identifier without the prefix `r#`.
#[must_use]
pub fn plain(identifier: &str) -> &str {
    identifier.strip_prefix("r#").unwrap_or(identifier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_of_rust_become_identifiers() {
        assert_eq!(identifier("type"), "r#type");
        assert_eq!(identifier("self"), "self_");
        assert_eq!(identifier("types"), "types");
    }

    #[test]
    fn names_are_unique() {
        let mut scope = Scope::default();
        assert_eq!(scope.take("self_"), "self_");
        assert_eq!(scope.take("self"), "self__");
        assert_eq!(scope.take("bits0"), "bits0");
        assert_eq!(scope.take_numbered("bits", &mut 0), "bits1");
    }

    #[test]
    fn type_names_are_identifiers() {
        assert_eq!(camel("self"), "TypeSelf");
        assert_eq!(camel("__2d"), "Type2d");
        assert_eq!(camel("_"), "Type");
    }
}
