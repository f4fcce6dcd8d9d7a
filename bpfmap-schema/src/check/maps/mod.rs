//! Rules about maps.

mod attributes;
mod contents;
mod key;
mod loader;
mod pointers;
mod value;

#[cfg(feature = "import")]
pub(crate) use loader::left_out;

use super::context::Context;
use super::{flags, special_fields};
use crate::diagnostics::Finding;
use crate::ir::{Attribute, KeyValue, MapDecl};
use crate::nearest::nearest;
use crate::rules;
use crate::source::Span;
use bpfmap_core::map_type::{BtfRule, MAP_TYPES, MapType, MaxEntriesRule};
use bpfmap_core::rule::Violation;

/// Converts a violation from `bpfmap_core` to a diagnostic.
pub(super) fn broken(violation: &Violation, span: Span) -> Finding {
    let rule = rules::Rule::by_id(violation.rule).expect("each rule of bpfmap-core has a page");
    Finding::new(rule, span, violation.message.as_str()).help(violation.help.as_str())
}

pub(super) fn check(cx: &mut Context<'_>) {
    let mut pointers = pointers::Pointers::default();
    for map in cx.maps() {
        check_map(cx, map, &mut pointers);
        // The rule about the types of inner maps reports a template within a template.
        if let Some(template) = map.template() {
            check_map(cx, template, &mut pointers);
        }
    }
    one_arena(cx);
}

fn check_map<'a>(cx: &mut Context<'a>, map: &'a MapDecl, pointers: &mut pointers::Pointers<'a>) {
    let Some(row) = MapType::by_name(&map.map_type.value) else {
        unknown_map_type(cx, map);
        return;
    };
    key::check(cx, map, row, pointers);
    value::check(cx, map, row);
    attributes::check(cx, map, row);
    contents::check(cx, map, row);
    loader::check(cx, map, row);
    flags::check(cx, map, row);
    special_fields::check_map(cx, map, row);
    deprecated(cx, map, row);
    btf_required(cx, map, row);
    too_new(cx, map);
}

fn deprecated(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    let Some(successor) = row.successor() else { return };
    let (ty, name, since) = (row.name, successor.name, successor.since);
    let mut finding = Finding::new(
        &rules::DEPRECATED_MAP_TYPE,
        map.map_type.span,
        format!("the map type `{ty}` is deprecated"),
    )
    .help(format!("use `{name}`, which is available from Linux {since} on"));
    let has_btf = map.btf.as_ref().is_none_or(|btf| btf.value);
    if let Some(key @ KeyValue::Type(_)) = &map.key {
        if has_btf && cx.resolved.layout(key).size > 8 {
            // `cgroup_storage_check_btf` in `kernel/bpf/local_storage.c`.
            finding = finding.note(
                "the kernel accepts the BTF of this key only if the struct has two members, but \
                 the named padding is a third member: write `btf = false`, or use a `u64` with \
                 the inode number of the cgroup as the key",
            );
        }
    }
    cx.report(finding);
}

/// Reports a map without BTF if its map type requires BTF. For such a map, the kernel returns
/// EINVAL.
fn btf_required(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    if row.btf != BtfRule::Required {
        return;
    }
    let left_out = map.btf.as_ref().filter(|btf| !btf.value).map(|btf| btf.span);
    let sized = [&map.key, &map.value].into_iter().flatten().find_map(|what| match what {
        KeyValue::Size(size) => Some(size.span),
        KeyValue::Type(_) => None,
    });
    // The loader can only set a size, not a type.
    let open = map.set_by_loader.iter().find(|set| set.value == Attribute::Value);
    let Some(span) = left_out.or(sized).or(open.map(|open| open.span)) else { return };
    let message = format!("a map of type `{}` needs BTF", row.name);
    cx.report(
        Finding::new(&rules::BTF_REQUIRED, span, message)
            .label("this disables BTF")
            .help("declare a type for the key and for the value, and remove `btf`"),
    );
}

/// Reports a second arena. A program can use only one arena, and libbpf accepts only one in each object.
fn one_arena(cx: &mut Context<'_>) {
    let mut arenas = cx.maps().iter().filter(|map| {
        let row = MapType::by_name(&map.map_type.value);
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
            .related(first.map_type.span, "the first arena")
            .help(
                "use one arena with the pages of both, or declare each arena in a separate schema",
            ),
        );
    }
}

fn unknown_map_type(cx: &mut Context<'_>, map: &MapDecl) {
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
            format!("unknown map type `{wrong}`"),
        )
        .help(nearest(word, MAP_TYPES.iter().map(|row| row.name))),
    );
}

fn too_new(cx: &mut Context<'_>, map: &MapDecl) {
    let Some(oldest) = &cx.resolved.schema.min_kernel else { return };
    for requirement in cx.resolved.own_requirements(map) {
        if requirement.since <= oldest.value {
            continue;
        }
        let since = requirement.since;
        let mut finding = Finding::new(
            &rules::TOO_NEW_FOR_MIN_KERNEL,
            requirement.span,
            format!("{requirement} needs Linux {since}"),
        )
        .related(oldest.span, "the oldest kernel that the schema supports")
        .help(format!("write `min_kernel = \"{since}\"`, or remove this part of the map"));
        if !(map.map_type.span.start..=requirement.span.end).contains(&map.name.span.start) {
            finding = finding.related(map.name.span, "in this map");
        }
        cx.report(finding);
    }
}
