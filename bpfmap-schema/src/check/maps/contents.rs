//! Rules about inner maps and initial contents.

use std::collections::HashMap;

use crate::check::context::Context;
use crate::check::{c_names, names};
use crate::diagnostics::Finding;
use crate::ir::{Attribute, InnerMap, KeyValue, MapDecl, TEMPLATE_SUFFIX};
use crate::nearest::nearest;
use crate::rules;
use crate::source::Span;
use bpfmap_core::map_type::{InnerRule, KernelObject, KeyRule, MAP_TYPES, MapType, ValueRule};

/// Checks the inner map and the initial contents of `map`. Only maps whose values are maps or programs can have initial
/// contents.
pub(super) fn check(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    if map.name.value.ends_with(TEMPLATE_SUFFIX) {
        template_attributes(cx, map);
    }
    match row.value {
        ValueRule::Object(KernelObject::Map) => {
            inner(cx, map, row);
            if keys(cx, map, row) {
                maps(cx, map);
            }
        }
        ValueRule::Object(KernelObject::Program) => {
            no_inner(cx, map, row);
            keys(cx, map, row);
            programs(cx, map);
        }
        _ => {
            no_inner(cx, map, row);
            no_values(cx, map, row);
        }
    }
}

fn no_inner(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    let Some(inner) = &map.inner else { return };
    let ty = row.name;
    cx.report(
        Finding::new(
            &rules::INNER_NOT_FOR_TYPE,
            inner.span,
            format!("a map of type `{ty}` can't have inner maps"),
        )
        .help("remove `inner`"),
    );
}

fn no_values(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    let Some((index, name)) = map.values.first() else { return };
    let ty = row.name;
    let span = Span { end: name.span.end, ..index.span };
    cx.report(
        Finding::new(
            &rules::VALUES_NOT_FOR_TYPE,
            span,
            format!("a map of type `{ty}` can't have initial contents"),
        )
        .help("remove `values`, and fill the map after the object is loaded"),
    );
}

/// Reports attributes that a template can't have. A template is not a map itself, so it can't be pinned or have
/// contents.
fn template_attributes(cx: &mut Context<'_>, template: &MapDecl) {
    let pinning = template.pinning.as_ref().map(|pinning| ("pinning", pinning.span));
    let values = template.values.first().map(|(index, _)| ("values", index.span));
    let named = cx.syntax.field("inner", "NAME");
    if template.optional.value {
        cx.report(
            Finding::new(
                &rules::OPTIONAL_MAP,
                template.optional.span,
                "an inner map that is declared in place is only a template, so it can't be optional",
            )
            .help("remove `optional`, or make the outer map optional"),
        );
    }
    for (what, span) in pinning.into_iter().chain(values) {
        cx.report(
            Finding::new(
                &rules::INNER_ATTRIBUTE,
                span,
                format!("an inner map that is declared in place can't have `{what}`"),
            )
            .help(format!("remove `{what}`, or declare the map separately and write {named}")),
        );
    }
}

fn inner(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    let name = &map.name.value;
    let Some(written) = &map.inner else {
        if cx.is_unsaid(map, Attribute::Inner) {
            cx.report(
                Finding::new(
                    &rules::INNER_MISSING,
                    map.span,
                    format!("the map `{name}` has no template for its inner maps"),
                )
                .label(format!("a map of type `{}` needs `inner`", row.name))
                .help(cx.syntax.inner()),
            );
        }
        return;
    };
    let Some(inner) = cx.resolved.schema.inner_of(map) else {
        if let InnerMap::Named(unknown) = &written.value {
            unknown_map(cx, unknown, written.span);
        }
        return;
    };
    if let (InnerMap::Named(inner_name), Some(pinning)) = (&written.value, &inner.pinning) {
        cx.report(
            Finding::new(
                &rules::INNER_ATTRIBUTE,
                written.span,
                format!(
                    "libbpf refuses the map `{inner_name}` as a template, because this map has \
                     `pinning`"
                ),
            )
            .related(pinning.span, "the `pinning` of the template")
            .help("remove this `pinning`, or declare the inner map in place"),
        );
    }
    let Some(facts) = MapType::by_name(&inner.map_type.value) else { return };
    let InnerRule::Refused(errno) = facts.as_inner else { return };
    let holds_maps = facts.value == ValueRule::Object(KernelObject::Map);
    let help = if holds_maps {
        "use only one level of maps, with a key that combines the keys of both levels".to_owned()
    } else {
        let mut names = MAP_TYPES
            .iter()
            .filter(|row| !matches!(row.as_inner, InnerRule::Refused(_)))
            .map(|row| format!("`{}`", row.name));
        let first: Vec<String> = names.by_ref().take(3).collect();
        format!("choose another type, such as {}", first.join(", "))
    };
    cx.report(
        Finding::new(
            &rules::INNER_TYPE,
            written.span,
            format!("a map of type `{}` can't be an inner map ({errno})", facts.name),
        )
        .help(help),
    );
}

fn unknown_map(cx: &mut Context<'_>, unknown: &str, span: Span) {
    if cx.open {
        return;
    }
    let names = cx.maps().iter().map(|map| map.name.value.as_str());
    let help = nearest(unknown, names);
    cx.report(
        Finding::new(&rules::UNKNOWN_MAP, span, format!("unknown map `{unknown}`"))
            .label("not declared")
            .help(help),
    );
}

/// Checks the keys of initial contents. libbpf uses the position of an initial value as its key: an index in an array,
/// or an `int` in a hash.
///
/// Source: libbpf, `init_map_in_map_slots` and `init_prog_array_slots`.
fn keys(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) -> bool {
    let Some((first, _)) = map.values.first() else { return true };
    let mut seen = HashMap::with_capacity(map.values.len());
    for (key, _) in &map.values {
        if let Some(before) = seen.insert(key.value, key.span) {
            cx.report(
                Finding::new(
                    &rules::VALUES_KEY,
                    key.span,
                    format!("there are two values for the key {}", key.value),
                )
                .related(before, "the first value")
                .help("remove one of the values, or change its key"),
            );
        }
    }
    if let Some(key) = map.key.as_ref().filter(|_| row.key != KeyRule::Index) {
        let sound = match key {
            KeyValue::Type(ty) => cx.is_sound(&ty.value),
            KeyValue::Size(_) => true,
        };
        let size = cx.resolved.layout(key).size;
        if sound && size != 4 {
            cx.report(
                Finding::new(
                    &rules::VALUES_KEY,
                    first.span,
                    format!(
                        "libbpf writes initial contents only to maps with a key of 4 bytes, but \
                         the key of `{}` has {size}",
                        map.name.value
                    ),
                )
                .related(key.span(), "the key")
                .help("use a key of 4 bytes, or fill the map after the object is loaded"),
            );
            return false;
        }
        return true;
    }
    let Some(entries) = &map.max_entries else { return true };
    for (index, _) in &map.values {
        if index.value >= entries.value {
            cx.report(
                Finding::new(
                    &rules::VALUES_KEY,
                    index.span,
                    format!("the index {} is out of range", index.value),
                )
                .related(entries.span, format!("expected an index less than {}", entries.value))
                .help("use a smaller index or a larger `max_entries`"),
            );
        }
    }
    true
}

/// Checks that each initial map matches the template.
fn maps(cx: &mut Context<'_>, map: &MapDecl) {
    let schema = cx.resolved.schema;
    for (_, name) in &map.values {
        let Some(content) = schema.maps.iter().find(|other| other.name.value == name.value) else {
            unknown_map(cx, &name.value, name.span);
            continue;
        };
        if content.optional.value && !map.optional.value {
            cx.report(
                Finding::new(
                    &rules::OPTIONAL_MAP,
                    name.span,
                    format!(
                        "the initial contents of `{}` include the optional map `{}`",
                        map.name.value, name.value
                    ),
                )
                .label("loading the object fails if this map was not created")
                .related(content.optional.span, "this map is optional")
                .help(format!(
                    "make `{}` optional too, or store `{}` after the object is loaded",
                    map.name.value, name.value
                )),
            );
        }
        let Some(inner) = schema.inner_of(map).filter(|inner| !std::ptr::eq(*inner, content))
        else {
            continue;
        };
        if let Some((what, theirs, ours)) = difference(cx, content, inner) {
            let place = map.inner.as_ref().map_or(Span::NONE, |inner| inner.span);
            cx.report(
                Finding::new(
                    &rules::VALUES_MISMATCH,
                    name.span,
                    format!(
                        "the map `{}` does not match the template of `{}`",
                        name.value, map.name.value
                    ),
                )
                .label(format!("{what}: {theirs}"))
                .related(place, format!("{what}: {ours}"))
                .help(
                    "make the type, the sizes of key and value, the flags and the special \
                       fields the same as in the template",
                ),
            );
        }
    }
}

/// Returns the first property that the kernel compares and in which the two maps differ, with the
/// values of this property in both maps.
///
/// Source: `kernel/bpf/map_in_map.c`, `bpf_map_meta_equal`.
fn difference(
    cx: &Context<'_>,
    content: &MapDecl,
    inner: &MapDecl,
) -> Option<(&'static str, String, String)> {
    // A type with an error was already reported, so it does not count as a difference.
    let sizes = |key_value: Option<&KeyValue>| match key_value {
        Some(KeyValue::Type(ty)) if !cx.is_sound(&ty.value) => 0,
        Some(it) => cx.resolved.layout(it).size,
        None => 0,
    };
    let flags = |map: &MapDecl| {
        let flags = map.flags.iter().map(|flag| flag.value.as_str());
        // These two flags affect only the file descriptor, not the map.
        let mut flags: Vec<&str> =
            flags.filter(|flag| !matches!(*flag, "rdonly" | "wronly")).collect();
        flags.sort_unstable();
        flags.dedup();
        listed(&flags)
    };
    let special = |map: &MapDecl| {
        let fields = map.value.as_ref().map(|it| cx.resolved.special_fields(it));
        let mut names: Vec<String> =
            fields.unwrap_or_default().iter().map(|it| it.field.name().to_owned()).collect();
        names.sort_unstable();
        listed(&names)
    };
    let entries = |map: &MapDecl| {
        let rule = MapType::by_name(&map.map_type.value).map(|row| row.max_entries);
        let made = |said: u32| rule.map_or(said, |rule| rule.as_made(said)).to_string();
        map.max_entries.as_ref().map_or_else(|| "none".to_owned(), |it| made(it.value))
    };
    let same_entries = MapType::by_name(&inner.map_type.value)
        .is_some_and(|row| matches!(row.as_inner, InnerRule::SameEntries(_)))
        && !inner.flags.iter().any(|flag| flag.value == "inner_map");
    let compared = [
        ("type", content.map_type.value.clone(), inner.map_type.value.clone()),
        (
            "key size",
            sizes(content.key.as_ref()).to_string(),
            sizes(inner.key.as_ref()).to_string(),
        ),
        (
            "value size",
            sizes(content.value.as_ref()).to_string(),
            sizes(inner.value.as_ref()).to_string(),
        ),
        ("flags", flags(content), flags(inner)),
        ("special fields", special(content), special(inner)),
    ];
    let entries = same_entries.then(|| ("max_entries", entries(content), entries(inner)));
    compared.into_iter().chain(entries).find(|(_, theirs, ours)| theirs != ours)
}

/// Returns the names as a list such as `a, b`, or `none` if there are no names.
fn listed(names: &[impl AsRef<str>]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(", ")
}

/// Checks the names of programs. Each of them must be the name of a C function and not the name of a map.
fn programs(cx: &mut Context<'_>, map: &MapDecl) {
    for (_, name) in &map.values {
        let other = cx.maps().iter().find(|other| other.name.value == name.value);
        if let Some(other) = other {
            cx.report(
                Finding::new(
                    &rules::VALUES_PROGRAM,
                    name.span,
                    format!(
                        "`{}` is a map, but the values of `{}` are programs",
                        name.value, map.name.value
                    ),
                )
                .related(other.name.span, "the map with this name")
                .help("write the name of a program, which is the name of its C function"),
            );
        } else {
            names::identifier(cx, "a program", name);
            c_names::program(cx, name);
        }
    }
}
