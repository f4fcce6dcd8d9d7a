//! Rules about names. Each name must be valid in C and in Rust, and must be unique.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::c_names;
use super::context::Context;
use crate::diagnostics::Finding;
use crate::ir::{Composite, Enum, MemberType, TypeDefKind};
use crate::naming::{rust_constant, upper_camel_case};
use crate::rules::{self, Rule};
use crate::source::{Span, Spanned};

/// The maximum length of a name in BTF, in bytes.
///
/// Source: `KSYM_NAME_LEN` of `include/linux/kallsyms.h` up to Linux 6.0, and
/// `__btf_name_valid` in `kernel/bpf/btf.c`.
const MAX_NAME: usize = 127;

/// The maximum length of a map's name in the kernel, in bytes.
///
/// Source: `BPF_OBJ_NAME_LEN` in `include/uapi/linux/bpf.h`, without the NUL.
const MAX_KERNEL_NAME: usize = 15;

pub(super) fn check(cx: &mut Context<'_>) {
    let schema = cx.resolved.schema;
    // A name without a position is missing. The front end has reported this.
    if !schema.name.value.is_empty() || schema.name.span.source.is_some() {
        identifier(cx, "a schema", &schema.name);
    }
    unique_schemas(cx);
    for def in cx.types() {
        let name = &def.name;
        identifier(cx, "a type", name);
        match &def.kind {
            TypeDefKind::Struct(body) | TypeDefKind::Union(body) => {
                members(cx, body);
                unique_members(cx, body, &mut Seen::default());
            }
            TypeDefKind::Enum(body) => variants(cx, &name.value, body),
            TypeDefKind::Alias(_) => {}
        }
    }
    for map in cx.maps() {
        identifier(cx, "a map", &map.name);
    }
    unique_types(cx);
    c_names::check(cx);
    unique_in_rust(cx);
    unique_in_the_kernel(cx);
}

/// Reports `name` if it is not an identifier.
pub(super) fn identifier(cx: &mut Context<'_>, what: &str, name: &Spanned<String>) {
    let text = &name.value;
    let is_word = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_word || text.len() > MAX_NAME {
        cx.report(
            Finding::new(
                &rules::BAD_NAME,
                name.span,
                format!("`{text}` is not a valid name for {what}"),
            )
            .help(format!(
                "use at most {MAX_NAME} ASCII letters, digits and `_`, and do not start with a \
                 digit"
            )),
        );
    }
}

fn members(cx: &mut Context<'_>, body: &Composite) {
    for member in &body.members {
        if let Some(name) = &member.name {
            identifier(cx, "a member", name);
        }
        if let MemberType::Struct(body) | MemberType::Union(body) = &member.ty {
            members(cx, body);
        }
    }
}

/// The names so far, each with the position of its first occurrence.
pub(super) type Seen<'a> = HashMap<String, (&'a str, Span)>;

/// Reports `name` if an earlier name has the same generated form. `written` is this generated form.
pub(super) fn unique<'a>(
    cx: &mut Context<'_>,
    seen: &mut Seen<'a>,
    written: String,
    name: &'a Spanned<String>,
    rule: &'static Rule,
    message: impl FnOnce(&str, &str, &str) -> String,
) {
    match seen.entry(written) {
        Entry::Vacant(entry) => {
            entry.insert((&name.value, name.span));
        }
        Entry::Occupied(entry) => {
            let (first, place) = *entry.get();
            cx.report(
                Finding::new(rule, name.span, message(&name.value, first, entry.key()))
                    .label("again")
                    .related(place, "first")
                    .help("rename one of them"),
            );
        }
    }
}

/// Reports included schemas with equal names, because the names of schemas determine the names of files.
fn unique_schemas(cx: &mut Context<'_>) {
    let schema = cx.resolved.schema;
    let mut seen = HashMap::from([(&schema.name.value, schema.name.span)]);
    for include in &schema.includes {
        let name = &include.name.value;
        if name.is_empty() {
            continue;
        }
        identifier(cx, "a schema", &include.name);
        match seen.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(include.span);
            }
            Entry::Occupied(entry) => {
                let first = *entry.get();
                let mut finding = Finding::new(
                    &rules::DUPLICATE_SCHEMA,
                    include.span,
                    format!("there are two schemas `{name}`"),
                )
                .label(format!("this include contains a schema `{name}`"))
                .help(
                    "change the `name` of one of them, because their generated files would have \
                     the same names",
                );
                if first.source.is_some() {
                    finding = finding.related(first, format!("the first `{name}`"));
                }
                cx.report(finding);
            }
        }
    }
}

/// Reports members with equal names. The members of an anonymous struct or union are accessed like members of the type
/// that contains it.
fn unique_members<'a>(cx: &mut Context<'_>, body: &'a Composite, seen: &mut Seen<'a>) {
    for member in &body.members {
        if let Some(name) = &member.name {
            unique(cx, seen, name.value.clone(), name, &rules::DUPLICATE_MEMBER, |name, _, _| {
                format!("there are two members `{name}`")
            });
        }
        if let MemberType::Struct(body) | MemberType::Union(body) = &member.ty {
            if member.name.is_some() {
                unique_members(cx, body, &mut Seen::default());
            } else {
                unique_members(cx, body, seen);
            }
        }
    }
}

fn variants(cx: &mut Context<'_>, enum_name: &str, body: &Enum) {
    let mut seen = Seen::default();
    for variant in &body.variants {
        let name = &variant.name;
        identifier(cx, "a variant", name);
        let written = rust_constant(&name.value);
        unique(cx, &mut seen, written, name, &rules::DUPLICATE_VARIANT, |name, first, _| {
            if name == first {
                format!("`{enum_name}` has two variants `{name}`")
            } else {
                let constant = body.c_constant(enum_name, name);
                format!("the variants `{first}` and `{name}` would both become `{constant}`")
            }
        });
    }
}

/// Reports types with equal names. Types of all kinds share one namespace in a schema.
fn unique_types(cx: &mut Context<'_>) {
    let mut types = Seen::default();
    for def in cx.types() {
        let name = &def.name;
        unique(cx, &mut types, name.value.clone(), name, &rules::DUPLICATE_TYPE, |name, _, _| {
            format!("there are two types `{name}`")
        });
    }
}

/// Reports types with the same Rust name. The Rust back end appends a number to the second name, which users would not
/// expect. (If a map and a type have the same Rust name, the back end appends `Map` to the name of the map.)
fn unique_in_rust(cx: &mut Context<'_>) {
    let mut seen = Seen::default();
    let mut given = HashSet::new();
    for def in cx.types() {
        let name = &def.name;
        // Another rule reports types with equal names in the schema.
        if !given.insert(&name.value) {
            continue;
        }
        let written = upper_camel_case(&name.value);
        unique(
            cx,
            &mut seen,
            written,
            name,
            &rules::DUPLICATE_RUST_NAME,
            |name, first, written| {
                format!(
                    "`{first}` and `{name}` would both become `{written}` in Rust, so `{name}` \
                     gets a number as a suffix"
                )
            },
        );
    }
}

/// Reports maps with the same name in the kernel, which keeps only the first bytes of a map's name.
fn unique_in_the_kernel(cx: &mut Context<'_>) {
    let mut seen = Seen::default();
    for map in cx.maps() {
        let name = &map.name;
        let Some(kept) = name.value.get(..MAX_KERNEL_NAME.min(name.value.len())) else { continue };
        let kept = kept.to_owned();
        if seen.get(&kept).is_some_and(|(first, _)| *first == name.value) {
            continue;
        }
        unique(cx, &mut seen, kept, name, &rules::MAP_NAME_TOO_LONG, |name, first, written| {
            format!("`{first}` and `{name}` have the same name `{written}` in the kernel")
        });
    }
}
