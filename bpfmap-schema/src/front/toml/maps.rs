//! Reads the tables `[maps.NAME]`.

use toml::de::{DeTable, DeValue};

use super::file::{Fields, File, Value, as_written};
use super::grammar;
use super::types::type_of;
use crate::diagnostics::Finding;
use crate::draft::Draft;
use crate::ir::{Attribute, InnerMap, KeyValue, MapDecl, Pinning};
use crate::rules;
use crate::source::Spanned;

/// Adds the maps of the table `maps` to `draft`.
pub(super) fn read(file: &File<'_>, maps: &DeTable<'_>, draft: &mut Draft) {
    for (key, value) in as_written(maps) {
        let before = file.findings_count();
        let name = Spanned::new(key.get_ref().to_string(), file.span(key.span()));
        let Some(table) = file.table(value, &name.value) else { continue };
        let map = map_def(Fields::new(file, table, name.span, &grammar::MAP), name);
        if file.findings_count() > before {
            draft.incomplete.maps.insert(map.name.value.clone());
        }
        draft.schema.maps.push(map);
    }
}

fn map_def(fields: Fields<'_, '_, '_>, name: Spanned<String>) -> MapDecl {
    let file = fields.file;
    let map = MapDecl {
        name,
        doc: fields.doc(),
        map_type: fields.string("type").unwrap_or_default(),
        key: key_or_value(&fields, "key", "key_size"),
        value: key_or_value(&fields, "value", "value_size"),
        event: fields.get("event").and_then(|value| type_of(file, value, "event")),
        ops: fields.string("ops"),
        max_entries: fields.integer("max_entries"),
        flags: fields.strings("flags"),
        pinning: fields.get("pinning").and_then(|value| pinning(file, value)),
        numa_node: fields.integer("numa_node"),
        map_extra: fields.integer("map_extra"),
        inner: fields.get("inner").and_then(|value| inner(file, value)),
        values: fields.get("values").map(|value| values(file, value)).unwrap_or_default(),
        btf: fields.bool("btf"),
        set_by_loader: set_by_loader(&fields),
        optional: fields.bool("optional").unwrap_or_default(),
        decl_tags: fields.strings("decl_tags"),
        renamed_from: fields.string("renamed_from"),
        span: fields.span,
    };
    fields.finish();
    map
}

fn key_or_value(fields: &Fields<'_, '_, '_>, typed: &str, sized: &str) -> Option<KeyValue> {
    let file = fields.file;
    let ty = fields.get(typed);
    let size = fields.integer(sized);
    match (ty, size) {
        (Some(ty), Some(size)) => {
            file.report(
                Finding::new(
                    &rules::TYPE_AND_SIZE,
                    size.span,
                    format!("a map can't have both `{typed}` and `{sized}`"),
                )
                .label("the type already has a size")
                .related(file.span(ty.span()), "the type")
                .help(format!("remove `{sized}`, which is only for bytes without a type")),
            );
            type_of(file, ty, typed).map(KeyValue::Type)
        }
        (Some(ty), None) => type_of(file, ty, typed).map(KeyValue::Type),
        (None, size) => size.map(KeyValue::Size),
    }
}

fn pinning(file: &File<'_>, value: &Value<'_>) -> Option<Spanned<Pinning>> {
    if let DeValue::Integer(_) = value.get_ref() {
        let number = file.integer::<u32>(value, "pinning")?;
        return Some(Spanned::new(Pinning::from_number(number.value), number.span));
    }
    if let DeValue::Boolean(is_pinned) = value.get_ref() {
        let help = if *is_pinned {
            "write `pinning = \"by_name\"` to pin the map under its name"
        } else {
            "remove `pinning`"
        };
        file.report(file.wrong_kind(value, "pinning", "a string").help(help));
        return None;
    }
    let text = file.string(value, "pinning")?;
    let pinning = file.word(&text, "pinning", Pinning::WORDS)?;
    Some(Spanned::new(pinning, text.span))
}

fn set_by_loader(fields: &Fields<'_, '_, '_>) -> Vec<Spanned<Attribute>> {
    let (file, words) = (fields.file, fields.strings(SET_BY_LOADER));
    let attributes = words.iter().filter_map(|word| {
        let attribute = file.word(word, SET_BY_LOADER, Attribute::WORDS)?;
        Some(Spanned::new(attribute, word.span))
    });
    attributes.collect()
}

const SET_BY_LOADER: &str = "set_by_loader";

fn inner(file: &File<'_>, value: &Value<'_>) -> Option<Spanned<InnerMap>> {
    let span = file.span(value.span());
    let inner = match value.get_ref() {
        DeValue::Table(table) => {
            let fields = Fields::new(file, table, span, &grammar::INNER_MAP);
            InnerMap::Template(Box::new(map_def(fields, Spanned::new(String::new(), span))))
        }
        _ => InnerMap::Named(file.string(value, "inner")?.value),
    };
    Some(Spanned::new(inner, span))
}

fn values(file: &File<'_>, value: &Value<'_>) -> Vec<(Spanned<u32>, Spanned<String>)> {
    let Some(table) = file.table(value, "values") else { return Vec::new() };
    let mut values = Vec::with_capacity(table.len());
    for (key, value) in as_written(table) {
        let span = file.span(key.span());
        let Ok(index) = key.get_ref().parse::<u32>() else {
            file.report(
                Finding::new(
                    &rules::NUMBER_RANGE,
                    span,
                    format!("invalid index `{}`", key.get_ref()),
                )
                .help("write `values = { 0 = \"name\" }`"),
            );
            continue;
        };
        let name = file.string(value, "values");
        values.extend(name.map(|name| (Spanned::new(index, span), name)));
    }
    values
}
