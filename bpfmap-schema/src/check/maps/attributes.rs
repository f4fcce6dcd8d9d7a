//! Rules about `max_entries`, `map_extra` and `event`.

use crate::check::context::Context;
use crate::diagnostics::Finding;
use crate::ir::{Attribute, KeyValue, MapDecl};
use crate::rules;
use bpfmap_core::map_type::{
    EventRule, LARGEST_BUFFER, MapExtraRule, MapType, MaxEntriesRule, PAGE_SIZE, RECORD_ALIGN,
    ValueRule,
};

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
    let ty = row.name;
    let too_big = |max: u32| {
        let unit = if matches!(row.max_entries, MaxEntriesRule::Pages { .. }) {
            "pages"
        } else {
            "entries"
        };
        (
            &rules::MAX_ENTRIES_TOO_BIG,
            format!("a map of type `{ty}` has at most {max} {unit}"),
            "take a smaller number".to_owned(),
        )
    };
    let zero = |help: &str| {
        (
            &rules::MAX_ENTRIES_ZERO,
            format!("a map of type `{ty}` has at least one entry"),
            help.to_owned(),
        )
    };
    let (rule, message, help) = match (row.max_entries, entries.value) {
        (MaxEntriesRule::AtLeastOne { .. }, 0) => {
            zero("write how many it has, or leave `max_entries` out if the loader sets it")
        }
        (MaxEntriesRule::Pages { .. }, 0) => zero("write how many pages it has"),
        (MaxEntriesRule::PerCpu, 0) => {
            zero("leave `max_entries` out: libbpf then takes the number of possible CPUs")
        }
        (MaxEntriesRule::AtLeastOne { max } | MaxEntriesRule::Pages { max }, entries)
            if entries > max =>
        {
            too_big(max)
        }
        (MaxEntriesRule::Bytes, bytes) if bytes == 0 || bytes > LARGEST_BUFFER => (
            &rules::MAX_ENTRIES_FORM,
            format!(
                "`max_entries` of a map of type `{ty}` is its size in bytes: a power of two, and whole pages of {PAGE_SIZE} bytes"
            ),
            format!("take {}", if bytes == 0 { PAGE_SIZE } else { LARGEST_BUFFER }),
        ),
        (MaxEntriesRule::Bytes, bytes) if bytes != row.max_entries.as_made(bytes) => {
            let made = row.max_entries.as_made(bytes);
            (
                &rules::MAX_ENTRIES_ROUNDED,
                format!(
                    "a map of type `{ty}` of {bytes} bytes has {made}, the next size that the kernel makes"
                ),
                format!("write `max_entries = {made}`"),
            )
        }
        (MaxEntriesRule::One, entries) if entries != 1 => (
            &rules::MAX_ENTRIES_FORM,
            format!("a map of type `{ty}` has exactly one entry"),
            "write `max_entries = 1`, or leave it out".to_owned(),
        ),
        (MaxEntriesRule::Zero, entries) if entries != 0 => (
            &rules::MAX_ENTRIES_FORM,
            format!(
                "a map of type `{ty}` has no number of entries: they come and go with what they belong to"
            ),
            "leave `max_entries` out".to_owned(),
        ),
        _ => return,
    };
    cx.report(Finding::new(rule, entries.span, message).help(help));
}

/// Of some map types all values, and one more, have to take less than 4 GiB: the kernel finds a value by a product of 32
/// bits.
fn contiguous(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    let (Some(entries), Some(value)) = (&map.max_entries, &map.value) else { return };
    if !row.memory.is_contiguous() || !cx.is_sound_part(value) {
        return;
    }
    let size = cx.resolved.layout(value).size;
    let bytes = row.memory.bytes(entries.value.into(), 0, size);
    if u32::try_from(bytes).is_ok() || size == 0 {
        return;
    }
    let most = u64::from(u32::MAX) / size - 1;
    cx.report(
        Finding::new(
            &rules::MAX_ENTRIES_TOO_BIG,
            entries.span,
            format!(
                "a map of type `{}` has at most {most} entries of {size} bytes, this one has {}",
                row.name, entries.value
            ),
        )
        .help("take a smaller number, or a smaller value")
        .note(
            "the values, and room for one more, have to take less than 4 GiB: kernels that do not refuse others \
             put values over each other",
        ),
    );
}

/// Whether a map without `max_entries` is what its author meant.
pub(super) fn may_be_absent(rule: MaxEntriesRule) -> bool {
    matches!(rule, MaxEntriesRule::PerCpu | MaxEntriesRule::One | MaxEntriesRule::Zero)
}

fn max_entries_missing(cx: &mut Context<'_>, map: &MapDecl) {
    let name = &map.name.value;
    cx.report(
        Finding::new(
            &rules::MAX_ENTRIES_MISSING,
            map.span,
            format!("the map `{name}` does not say how many entries it has"),
        )
        .label("no `max_entries`")
        .help("write `max_entries = N`; without it, the loader has to set it before it loads"),
    );
}

fn map_extra(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    let Some(extra) = map.map_extra.as_ref().filter(|extra| extra.value != 0) else { return };
    let ty = row.name;
    let (rule, message, help) = match row.map_extra {
        MapExtraRule::Zero => (
            &rules::MAP_EXTRA_NOT_FOR_TYPE,
            format!("a map of type `{ty}` takes no `map_extra`"),
            "leave it out".to_owned(),
        ),
        MapExtraRule::HashFunctions { max } if extra.value > max => (
            &rules::MAP_EXTRA_RANGE,
            format!(
                "`map_extra` of a map of type `{ty}` is its number of hash functions, at most {max}"
            ),
            "take a smaller number, or leave it out".to_owned(),
        ),
        MapExtraRule::Address if extra.value % u64::from(PAGE_SIZE) != 0 => (
            &rules::MAP_EXTRA_RANGE,
            format!(
                "`map_extra` of a map of type `{ty}` is an address, a multiple of the page size"
            ),
            format!(
                "take {:#x}, or leave it out",
                extra.value / u64::from(PAGE_SIZE) * u64::from(PAGE_SIZE)
            ),
        ),
        MapExtraRule::ExpectedEntries { max } => {
            let most =
                map.max_entries.as_ref().map_or(max, |entries| max.min(entries.value.into()));
            if extra.value <= most {
                return;
            }
            (
                &rules::MAP_EXTRA_RANGE,
                format!(
                    "`map_extra` of a map of type `{ty}` is how many entries are expected, at most {most}"
                ),
                "take a smaller number, or leave it out".to_owned(),
            )
        }
        MapExtraRule::HashFunctions { .. } | MapExtraRule::Address => return,
    };
    cx.report(Finding::new(rule, extra.span, message).help(help));
}

fn event(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    let Some(event) = &map.event else { return };
    if row.events == EventRule::Nothing {
        cx.report(
            Finding::new(
                &rules::EVENT_NOT_FOR_TYPE,
                event.span,
                format!("a map of type `{}` carries no records", row.name),
            )
            .help("leave `event` out; `value` says what an entry holds"),
        );
        return;
    }
    if !cx.is_sound(&event.value) {
        return;
    }
    let described = KeyValue::Type(event.clone());
    let layout = cx.resolved.layout(&described);
    let room = row.largest_event(map.max_entries.as_ref().map(|entries| entries.value));
    let (message, help) = if let Some(member) = cx.resolved.special_fields(&described).first() {
        (
            format!("the `{}` in `{}` belongs to the kernel", member.field.name(), member.name),
            "leave it out: an event is plain data".to_owned(),
        )
    } else if layout.size == 0 {
        ("an event has at least one byte".to_owned(), "give it a member".to_owned())
    } else if layout.size > room {
        (
            format!("an event of this map has at most {room} bytes, this one has {}", layout.size),
            "take a smaller event, or a larger buffer".to_owned(),
        )
    } else if row.max_entries == MaxEntriesRule::Bytes && layout.align > RECORD_ALIGN {
        (
            format!("this event is aligned to {} bytes, a record to {RECORD_ALIGN}", layout.align),
            "take members of 8 bytes at most, and no `align`".to_owned(),
        )
    } else {
        return;
    };
    cx.report(Finding::new(&rules::EVENT_SHAPE, event.span, message).help(help));
}

fn ops(cx: &mut Context<'_>, map: &MapDecl, row: &MapType) {
    let finding = match (&map.ops, row.value) {
        (None, ValueRule::StructOps) if cx.is_complete(map) => Finding::new(
            &rules::OPS_MISSING,
            map.span,
            format!("`{}` does not say whose place its programs take", map.name.value),
        )
        .label("no `ops`")
        .help("write `ops = \"NAME\"`, the kernel's struct of functions, such as `tcp_congestion_ops`"),
        (None, _) | (Some(_), ValueRule::StructOps) => return,
        (Some(ops), _) => Finding::new(
            &rules::OPS_NOT_FOR_TYPE,
            ops.span,
            format!("a map of type `{}` takes no function's place", row.name),
        )
        .help("leave `ops` out"),
    };
    cx.report(finding);
}
