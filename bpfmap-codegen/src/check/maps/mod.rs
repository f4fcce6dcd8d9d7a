//! Rules about maps.

mod attributes;
mod contents;
mod key;
mod pointers;
mod value;

use super::context::Context;
use super::{flags, special_fields};
use crate::diagnostics::Finding;
use crate::facts::{MAP_TYPES, MapTypeFacts, MaxEntriesRule};
use crate::ir::MapDef;
use crate::nearest::nearest;
use crate::rules;

pub(super) fn check(cx: &mut Context<'_>) {
    let mut pointers = pointers::Pointers::default();
    for map in cx.maps() {
        check_map(cx, map, &mut pointers);
        // A template in a template is refused with its type.
        if let Some(template) = map.template() {
            check_map(cx, template, &mut pointers);
        }
    }
    one_arena(cx);
}

fn check_map<'a>(cx: &mut Context<'a>, map: &'a MapDef, pointers: &mut pointers::Pointers<'a>) {
    let Some(row) = MapTypeFacts::by_name(&map.map_type.value) else {
        unknown_map_type(cx, map);
        return;
    };
    key::check(cx, map, row, pointers);
    value::check(cx, map, row);
    attributes::check(cx, map, row);
    contents::check(cx, map, row);
    flags::check(cx, map, row);
    special_fields::check_map(cx, map, row);
    too_new(cx, map);
}

/// A program can have one arena, and libbpf takes one an object.
fn one_arena(cx: &mut Context<'_>) {
    let mut arenas = cx.maps().iter().filter(|map| {
        let row = MapTypeFacts::by_name(&map.map_type.value);
        row.is_some_and(|row| matches!(row.max_entries, MaxEntriesRule::Pages { .. }))
    });
    let Some(first) = arenas.next() else { return };
    for again in arenas {
        cx.report(
            Finding::new(
                &rules::ONE_ARENA,
                again.map_type.span,
                format!("`{}` is a second arena", again.name.value),
            )
            .related(first.map_type.span, "the first")
            .help("keep one and give it the pages of both, or write a schema for each"),
        );
    }
}

fn unknown_map_type(cx: &mut Context<'_>, map: &MapDef) {
    let wrong = &map.map_type.value;
    if wrong.is_empty() && !cx.is_complete(map) {
        return;
    }
    let lower = wrong.to_lowercase();
    let word = lower.strip_prefix("bpf_map_type_").unwrap_or(&lower);
    cx.report(
        Finding::new(
            &rules::UNKNOWN_MAP_TYPE,
            map.map_type.span,
            format!("no map type is called `{wrong}`"),
        )
        .help(nearest(word, MAP_TYPES.iter().map(|row| row.name))),
    );
}

fn too_new(cx: &mut Context<'_>, map: &MapDef) {
    let Some(oldest) = &cx.resolved.schema.min_kernel else { return };
    for requirement in cx.resolved.own_requirements(map) {
        if requirement.since <= oldest.value {
            continue;
        }
        let (part, since) = (requirement.part, requirement.since);
        let mut finding = Finding::new(
            &rules::TOO_NEW_FOR_MIN_KERNEL,
            requirement.span,
            format!("{part} came with Linux {since}"),
        )
        .related(oldest.span, "the oldest kernel that has to take the schema")
        .help(format!("write `min_kernel = \"{since}\"`, or do without"));
        if !(map.map_type.span.start..=requirement.span.end).contains(&map.name.span.start) {
            finding = finding.related(map.name.span, "in this map");
        }
        cx.report(finding);
    }
}
