//! Rules about `max_entries`, `map_extra` and `event`.

use super::broken;
use crate::check::context::Context;
use crate::diagnostics::Finding;
use crate::ir::{Attribute, KeyValue, MapDecl};
use crate::rules;
use bpfmap_core::map_type::{EventRule, MapType, MaxEntriesRule, ValueRule};
use bpfmap_core::rule;

pub(super) fn check(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    max_entries(cx, map, row);
    contiguous(cx, map, row);
    map_extra(cx, map, row);
    event(cx, map, row);
    ops(cx, map, row);
}

fn max_entries(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    let Some(entries) = &map.max_entries else {
        let unknown = cx.incomplete.max_entries.contains(&map.name.value);
        let is_unsaid = cx.is_unsaid(map, Attribute::MaxEntries) && !unknown;
        if is_unsaid && !may_be_absent(row.max_entries) {
            max_entries_missing(cx, map);
        }
        return;
    };
    let said = entries.value;
    let made = row.max_entries.as_made(said);
    if let Some(violation) = rule::max_entries(row, said) {
        cx.report(broken(&violation, entries.span));
    } else if made != said {
        let message = format!(
            "a map of type `{}` can't have a size of {said} bytes, so it gets the next possible \
             size of {made} bytes",
            row.name
        );
        let finding = Finding::new(&rules::MAX_ENTRIES_ROUNDED, entries.span, message);
        cx.report(finding.help(format!("write `max_entries = {made}`")));
    }
}

/// Checks the total size of the values. For some map types, `max_entries` + 1 values must take less than 4 GiB, because
/// the kernel computes offsets in 32 bits.
fn contiguous(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    let (Some(entries), Some(value)) = (&map.max_entries, &map.value) else { return };
    if !row.memory.is_contiguous() || !cx.is_sound_part(value) {
        return;
    }
    let size = cx.resolved.layout(value).size;
    if let Some(violation) = rule::contiguous(row, size, entries.value) {
        cx.report(broken(&violation, entries.span).note(
            "all values, plus space for one more value, must take less than 4 GiB; some kernels \
             refuse a larger map, and on other kernels its values overwrite each other",
        ));
    }
}

/// Returns whether a schema can leave out `max_entries` for a map of this type.
pub(super) fn may_be_absent(rule: MaxEntriesRule) -> bool {
    matches!(rule, MaxEntriesRule::PerCpu | MaxEntriesRule::One | MaxEntriesRule::Zero)
}

fn max_entries_missing(cx: &mut Context<'_>, map: &MapDecl) {
    let name = &map.name.value;
    cx.report(
        Finding::new(
            &rules::MAX_ENTRIES_MISSING,
            map.span,
            format!("the map `{name}` has no `max_entries`"),
        )
        .label("`max_entries` is missing")
        .help(
            "write `max_entries = N`, or let the loader set the number before it loads the object",
        ),
    );
}

fn map_extra(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    let Some(extra) = &map.map_extra else { return };
    let entries = map.max_entries.as_ref().map(|entries| entries.value);
    if let Some(violation) = rule::map_extra(row, extra.value, entries) {
        cx.report(broken(&violation, extra.span));
    }
}

fn event(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    let Some(event) = &map.event else { return };
    if row.events == EventRule::Nothing {
        cx.report(
            Finding::new(
                &rules::EVENT_NOT_FOR_TYPE,
                event.span,
                format!(
                    "a map of type `{}` can't have an `event`, because it has no records",
                    row.name
                ),
            )
            .help("remove `event`, and declare the type of the entries with `value`"),
        );
        return;
    }
    if !cx.is_sound(&event.value) {
        return;
    }
    let described = KeyValue::Type(event.clone());
    let layout = cx.resolved.layout(&described);
    let entries = map.max_entries.as_ref().map(|entries| entries.value);
    if let Some(member) = cx.resolved.special_fields(&described).first() {
        let finding = broken(&rule::field_in_event(member.field), event.span);
        cx.report(finding.related(member.span, format!("`{}` is a special field", member.name)));
    } else if let Some(violation) = rule::event(row, layout.size, layout.align, entries) {
        cx.report(broken(&violation, event.span));
    }
}

fn ops(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    let finding = match (&map.ops, row.value) {
        (None, ValueRule::StructOps) if cx.is_complete(map) => Finding::new(
            &rules::OPS_MISSING,
            map.span,
            format!(
                "the map `{}` does not specify the kernel struct that it implements",
                map.name.value
            ),
        )
        .label("`ops` is missing")
        .help(
            "write `ops = \"NAME\"` with the name of the kernel struct, such as \
               `tcp_congestion_ops`",
        ),
        (None, _) | (Some(_), ValueRule::StructOps) => return,
        (Some(ops), _) => Finding::new(
            &rules::OPS_NOT_FOR_TYPE,
            ops.span,
            format!("a map of type `{}` can't have `ops`", row.name),
        )
        .help("remove `ops`"),
    };
    cx.report(finding);
}
