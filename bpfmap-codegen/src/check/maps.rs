//! Rules about a map's key, value and attributes.

use std::collections::HashMap;

use super::context::{Context, by_value, for_each_type};
use super::{flags, special_fields};
use crate::diagnostics::Finding;
use crate::facts::{
    BtfRule, KeyRule, MAP_TYPES, MapExtraRule, MapTypeFacts, MaxEntriesRule, ValueRule,
};
use crate::ir::{Int, KeyValue, MapDef, MemberType, Type, TypeDefKind};
use crate::nearest::nearest;
use crate::rules;
use crate::source::Span;

pub(super) fn check(cx: &mut Context<'_>) {
    let mut pointers = Pointers::default();
    for map in cx.maps() {
        let Some(row) = MapTypeFacts::by_name(&map.map_type.value) else {
            unknown_map_type(cx, map);
            continue;
        };
        key(cx, map, row, &mut pointers);
        value(cx, map, row);
        half_typed(cx, map, row);
        max_entries(cx, map, row);
        map_extra(cx, map, row);
        contents(cx, map, row);
        flags::check(cx, map, row);
        special_fields::check_map(cx, map, row);
        too_new(cx, map);
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

/// What the key of an LPM trie may have, in bytes: the prefix length, and the data.
///
/// Source: `LPM_KEY_SIZE_MIN` and `LPM_KEY_SIZE_MAX` in `kernel/bpf/lpm_trie.c`.
const LPM_KEY_SIZE: std::ops::RangeInclusive<u64> = 5..=260;

fn key<'a>(cx: &mut Context<'a>, map: &'a MapDef, row: &MapTypeFacts, pointers: &mut Pointers<'a>) {
    let name = &map.name.value;
    let Some(key) = &map.key else {
        if row.key != KeyRule::Keyless && cx.is_complete(map) {
            let ty = row.name;
            cx.report(
                Finding::new(&rules::KEY_MISSING, map.span, format!("the map `{name}` has no key"))
                    .label(format!("a map of type `{ty}` has one"))
                    .help("write `key = \"TYPE\"`"),
            );
        }
        return;
    };
    if let KeyValue::Type(ty) = key {
        if !cx.is_sound(&ty.value) {
            return;
        }
        if let Some(member) = flexible_array(cx, &ty.value) {
            cx.report(
                Finding::new(
                    &rules::ZERO_LENGTH_ARRAY,
                    ty.span,
                    "every byte of a key is compared, so its size has to be fixed",
                )
                .related(member, "of no size of its own")
                .help("give the array a length"),
            );
        }
        if let Some(place) = pointers.find(cx, &ty.value) {
            let mut finding = Finding::new(
                &rules::POINTER_IN_KEY,
                ty.span,
                format!("the key of `{name}` holds a pointer"),
            )
            .help("take what it leads to, or an id, as the key; `u64` where the address itself is meant");
            if place != ty.span {
                finding = finding.related(place, "the pointer");
            }
            cx.report(finding);
        }
    }
    let size = cx.resolved.layout(key).size;
    match row.key {
        KeyRule::Keyless => {
            let ty = row.name;
            cx.report(
                Finding::new(
                    &rules::KEY_NOT_ALLOWED,
                    key.span(),
                    format!("a map of type `{ty}` has no key"),
                )
                .help("leave the key out"),
            );
        }
        KeyRule::Index => index_key(cx, map, row, key, size),
        KeyRule::LpmPrefix => lpm_key(cx, key, size),
        KeyRule::Any => any_key(cx, map, row, key, size),
    }
}

fn index_key(cx: &mut Context<'_>, map: &MapDef, row: &MapTypeFacts, key: &KeyValue, size: u64) {
    let ty = row.name;
    if size != 4 {
        cx.report(
            Finding::new(
                &rules::ARRAY_KEY_SIZE,
                key.span(),
                format!("the key of a map of type `{ty}` has 4 bytes, this one has {size}"),
            )
            .label(format!("{size} bytes"))
            .help("write `key = \"u32\"`, or leave it out"),
        );
        return;
    }
    let KeyValue::Type(key) = key else { return };
    let is_int = matches!(cx.resolved.without_aliases(&key.value), Type::Int(_));
    let has_btf = map.btf.as_ref().is_none_or(|btf| btf.value);
    if !is_int && has_btf {
        cx.report(
            Finding::new(
                &rules::ARRAY_KEY_TYPE,
                key.span,
                format!("the key of a map of type `{ty}` is an index, a 32-bit integer"),
            )
            .label("no plain integer")
            .help("write `key = \"u32\"`, or leave it out"),
        );
    }
}

fn lpm_key(cx: &mut Context<'_>, key: &KeyValue, size: u64) {
    let finding = match key {
        KeyValue::Type(ty) if !starts_with_prefix_length(cx, &ty.value) => Finding::new(
            &rules::LPM_KEY_SHAPE,
            ty.span,
            "the key of an LPM trie is a struct that starts with the prefix length, a `u32`",
        ),
        _ if !LPM_KEY_SIZE.contains(&size) => Finding::new(
            &rules::LPM_KEY_SHAPE,
            key.span(),
            format!("the key of an LPM trie has 5 to 260 bytes, this one has {size}"),
        )
        .label(format!("{size} bytes")),
        _ => return,
    };
    cx.report(finding.help(
        "make it a struct of `{ name = \"prefix_len\", type = \"u32\" }` and 1 to 256 bytes of data, \
         most significant byte first",
    ));
}

fn starts_with_prefix_length(cx: &Context<'_>, ty: &Type) -> bool {
    let Type::Named(name) = cx.resolved.without_aliases(ty) else { return false };
    let Some(TypeDefKind::Struct(body)) = cx.resolved.type_def(name).map(|def| &def.kind) else {
        return false;
    };
    let Some(first) = body.members.first() else { return false };
    let MemberType::Type(ty) = &first.ty else { return false };
    first.bits.is_none()
        && *cx.resolved.without_aliases(&ty.value) == Type::Int(Int { size: 4, signed: false })
}

fn any_key(cx: &mut Context<'_>, map: &MapDef, row: &MapTypeFacts, key: &KeyValue, size: u64) {
    let ValueRule::Plain { max_size } = row.value;
    // The kernel keeps key and value in one allocation, a per-CPU value apart from it.
    let value = map.value.as_ref().filter(|_| !row.per_cpu);
    let rest =
        u64::from(max_size).saturating_sub(value.map_or(0, |value| cx.resolved.layout(value).size));
    let message = if size == 0 {
        format!("the key of `{}` has no bytes", map.name.value)
    } else if size > u64::from(max_size) {
        format!("a key has at most {max_size} bytes, this one has {size}")
    } else if size >= rest && rest > 0 {
        format!("key and value together have less than {max_size} bytes; this key has {size}")
    } else {
        return;
    };
    cx.report(
        Finding::new(&rules::KEY_SIZE, key.span(), message)
            .label(format!("{size} bytes"))
            .help("take a smaller key, such as a hash of the large one"),
    );
}

fn value(cx: &mut Context<'_>, map: &MapDef, row: &MapTypeFacts) {
    let Some(value) = &map.value else {
        if cx.is_complete(map) {
            let name = &map.name.value;
            cx.report(
                Finding::new(
                    &rules::VALUE_MISSING,
                    map.span,
                    format!("the map `{name}` has no value"),
                )
                .label(format!("a map of type `{}` has one", row.name))
                .help("write `value = \"TYPE\"`"),
            );
        }
        return;
    };
    if let KeyValue::Type(ty) = value
        && !cx.is_sound(&ty.value)
    {
        return;
    }
    let ValueRule::Plain { max_size } = row.value;
    let size = cx.resolved.layout(value).size;
    let taken = if row.per_cpu { size.div_ceil(8).saturating_mul(8) } else { size };
    if (1..=u64::from(max_size)).contains(&taken) {
        return;
    }
    let message = format!(
        "the value of a map of type `{}` has 1 to {max_size} bytes{}, this one has {size}",
        row.name,
        if row.per_cpu { " for each CPU" } else { "" },
    );
    let help = if size == 0 {
        "give it at least a byte; a set of keys takes `u8`"
    } else {
        "split it over several entries or maps"
    };
    cx.report(
        Finding::new(&rules::VALUE_SIZE, value.span(), message)
            .label(format!("{size} bytes"))
            .help(help),
    );
}

/// The kernel takes BTF for key and value, or for neither.
fn half_typed(cx: &mut Context<'_>, map: &MapDef, row: &MapTypeFacts) {
    if matches!(row.btf, BtfRule::Refused(_)) {
        if let Some(btf) = &map.btf
            && btf.value
        {
            let ty = row.name;
            cx.report(
                Finding::new(
                    &rules::BTF_REFUSED,
                    btf.span,
                    format!("the kernel takes no BTF for a map of type `{ty}`"),
                )
                .help("leave `btf` out: libbpf drops the BTF of such a map by itself"),
            );
        }
        return;
    }
    if map.btf.as_ref().is_some_and(|btf| !btf.value) {
        return;
    }
    let (Some(key), Some(value)) = (&map.key, &map.value) else { return };
    let (what, typed, sized) = match (key, value) {
        (KeyValue::Type(ty), KeyValue::Size(size)) => ("key", ty, size),
        (KeyValue::Size(size), KeyValue::Type(ty)) => ("value", ty, size),
        _ => return,
    };
    // The key of an index map that nobody mentioned has no type to lose.
    if typed.span.source.is_none() {
        return;
    }
    cx.report(
        Finding::new(
            &rules::HALF_TYPED,
            sized.span,
            format!("the BTF of the {what} of `{}` will be lost", map.name.value),
        )
        .label("a bare size")
        .related(typed.span, format!("the type of the {what}"))
        .note(
            "the kernel takes BTF for key and value or for neither, and libbpf then leaves it out",
        )
        .help("give both a type, or write `btf = false`"),
    );
}

fn max_entries(cx: &mut Context<'_>, map: &MapDef, row: &MapTypeFacts) {
    let MaxEntriesRule::AtLeastOne { max } = row.max_entries;
    let name = &map.name.value;
    match &map.max_entries {
        None if !cx.is_complete(map) => {}
        None => cx.report(
            Finding::new(
                &rules::MAX_ENTRIES_MISSING,
                map.span,
                format!("the map `{name}` does not say how many entries it has"),
            )
            .label("no `max_entries`")
            .help("write `max_entries = N`; without it, the loader has to set it before it loads"),
        ),
        Some(entries) if entries.value == 0 => cx.report(
            Finding::new(
                &rules::MAX_ENTRIES_ZERO,
                entries.span,
                format!("a map of type `{}` has at least one entry", row.name),
            )
            .help("write how many it has, or leave `max_entries` out if the loader sets it"),
        ),
        Some(entries) if entries.value > max => cx.report(
            Finding::new(
                &rules::MAX_ENTRIES_TOO_BIG,
                entries.span,
                format!("a map of type `{}` has at most {max} entries", row.name),
            )
            .help("take a smaller number"),
        ),
        Some(_) => {}
    }
}

fn map_extra(cx: &mut Context<'_>, map: &MapDef, row: &MapTypeFacts) {
    let Some(extra) = &map.map_extra else { return };
    let MapExtraRule::Zero = row.map_extra;
    if extra.value != 0 {
        cx.report(
            Finding::new(
                &rules::MAP_EXTRA_NOT_FOR_TYPE,
                extra.span,
                format!("a map of type `{}` takes no `map_extra`", row.name),
            )
            .help("leave it out"),
        );
    }
}

/// Inner maps and initial contents, for maps whose values are maps or programs.
fn contents(cx: &mut Context<'_>, map: &MapDef, row: &MapTypeFacts) {
    let ValueRule::Plain { .. } = row.value;
    let ty = row.name;
    if let Some(inner) = &map.inner {
        cx.report(
            Finding::new(
                &rules::INNER_NOT_FOR_TYPE,
                inner.span,
                format!("a map of type `{ty}` does not hold maps"),
            )
            .help("leave `inner` out"),
        );
    }
    if let Some((index, name)) = map.values.first() {
        let span = Span { end: name.span.end, ..index.span };
        cx.report(
            Finding::new(
                &rules::VALUES_NOT_FOR_TYPE,
                span,
                format!("a map of type `{ty}` has no initial contents"),
            )
            .help("leave `values` out, and fill the map when the object is loaded"),
        );
    }
}

fn too_new(cx: &mut Context<'_>, map: &MapDef) {
    let Some(oldest) = &cx.resolved.schema.min_kernel else { return };
    for requirement in cx.resolved.requirements(map) {
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

/// The array of no elements that ends the struct `ty`, if one does.
fn flexible_array(cx: &Context<'_>, ty: &Type) -> Option<Span> {
    let Type::Named(name) = cx.resolved.without_aliases(ty) else { return None };
    let TypeDefKind::Struct(body) = &cx.resolved.type_def(name)?.kind else { return None };
    match &body.members.last()?.ty {
        MemberType::Type(ty) => match &ty.value {
            Type::Array(_, length) if length.value == 0 => Some(ty.span),
            other => flexible_array(cx, other),
        },
        _ => None,
    }
}

/// Where each named type holds a pointer, as far as it was asked.
#[derive(Default)]
struct Pointers<'a> {
    known: HashMap<&'a str, Option<Span>>,
}

impl<'a> Pointers<'a> {
    /// The first pointer that the sound type `ty` holds.
    fn find(&mut self, cx: &Context<'a>, ty: &'a Type) -> Option<Span> {
        let def = cx.resolved.type_def(by_value(ty)?)?;
        let name = def.name.value.as_str();
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        let mut found = None;
        for_each_type(def, &mut |ty, _| {
            if found.is_none() {
                found =
                    if is_pointer(&ty.value) { Some(ty.span) } else { self.find(cx, &ty.value) };
            }
        });
        self.known.insert(name, found);
        found
    }
}

fn is_pointer(ty: &Type) -> bool {
    match ty {
        Type::Pointer(_) => true,
        Type::Array(element, _) => is_pointer(&element.value),
        _ => false,
    }
}
