//! Writes the section about maps: attributes, required kernels, and the result of each operation.

use std::fmt::Write;

use super::{bytes, cell, push_paragraph};
use bpfmap_core::map_type::{Answer, MapType, MaxEntriesRule, Since};
use bpfmap_schema::check::Checked;
use bpfmap_schema::ir::{Attribute, InnerMap, KeyValue, MapDecl, Pinning};
use bpfmap_schema::print::comment::flag_effects;

pub(super) fn push_maps(page: &mut String, checked: &Checked) {
    let maps = &checked.schema().maps;
    if !maps.is_empty() {
        page.push_str("\n## Maps\n");
    }
    for map in maps {
        let _ = write!(page, "\n### `{}`\n", map.name.value);
        push_paragraph(page, map.doc.as_deref());
        page.push_str("\n| attribute | |\n| --- | --- |\n");
        for (attribute, value) in attributes(checked, map) {
            let _ = writeln!(page, "| {attribute} | {} |", cell(&value));
        }
        push_needs(page, checked, map);
        push_operations(page, checked, map);
        push_flags(page, checked, map);
    }
}

const LEFT_TO_LOADER: &str = "set by the loader";

fn attributes(checked: &Checked, map: &MapDecl) -> Vec<(&'static str, String)> {
    let summary = MapType::by_name(&map.map_type.value).map_or("", |row| row.summary);
    let mut rows = vec![("type", format!("`{}`: {summary}", map.map_type.value))];
    for (what, described, part) in
        [("key", &map.key, Attribute::Key), ("value", &map.value, Attribute::Value)]
    {
        let text = match described {
            None if map.is_set_by_loader(part) => LEFT_TO_LOADER.to_owned(),
            None => continue,
            Some(described @ KeyValue::Type(ty)) => {
                let size = bytes(checked.resolved().layout(described).size);
                format!("`{}`, {size}", ty.value)
            }
            Some(KeyValue::Size(size)) => format!("{}, opaque", bytes(u64::from(size.value))),
        };
        rows.push((what, text));
    }
    if let Some(event) = &map.event {
        let size = bytes(checked.resolved().layout(&KeyValue::Type(event.clone())).size);
        rows.push(("event", format!("`{}`, {size}", event.value)));
    }
    rows.push(("max_entries", max_entries(map)));
    if !map.flags.is_empty() {
        let flags: Vec<_> = map.flags.iter().map(|flag| format!("`{}`", flag.value)).collect();
        rows.push(("flags", flags.join(", ")));
    }
    if let Some(pinning) = &map.pinning {
        let pinning = match pinning.value {
            Pinning::None => "none".to_owned(),
            Pinning::ByName => "by name".to_owned(),
            Pinning::Other(number) => number.to_string(),
        };
        rows.push(("pinning", pinning));
    }
    if let Some(node) = &map.numa_node {
        rows.push(("numa_node", node.value.to_string()));
    }
    if let Some(extra) = &map.map_extra {
        rows.push(("map_extra", extra.value.to_string()));
    }
    match map.inner.as_ref().map(|inner| &inner.value) {
        Some(InnerMap::Named(name)) => rows.push(("inner map", format!("as `{name}`"))),
        Some(InnerMap::Template(inner)) => {
            let inner: Vec<_> = attributes(checked, inner)
                .into_iter()
                .map(|(what, text)| format!("{what} {text}"))
                .collect();
            rows.push(("inner map", inner.join("; ")));
        }
        None if map.is_set_by_loader(Attribute::Inner) => {
            rows.push(("inner map", LEFT_TO_LOADER.to_owned()));
        }
        None => {}
    }
    if !map.values.is_empty() {
        let values: Vec<_> = map
            .values
            .iter()
            .map(|(index, name)| format!("{}: `{}`", index.value, name.value))
            .collect();
        rows.push(("initial contents", values.join(", ")));
    }
    if map.optional.value {
        rows.push(("optional", "the loader can leave out this map".to_owned()));
    }
    if map.btf.as_ref().is_some_and(|btf| !btf.value) {
        rows.push(("BTF", "none, only sizes".to_owned()));
    }
    rows
}

/// Returns the text for `max_entries`. If the schema does not set this number, the text says which
/// program or rule determines it.
fn max_entries(map: &MapDecl) -> String {
    if let Some(number) = &map.max_entries {
        return number.value.to_string();
    }
    let rule = MapType::by_name(&map.map_type.value).map(|row| row.max_entries);
    match rule.filter(|_| !map.is_set_by_loader(Attribute::MaxEntries)) {
        Some(MaxEntriesRule::Zero) => "0, because the map has an entry for each owner",
        Some(MaxEntriesRule::One) => "1",
        Some(MaxEntriesRule::PerCpu) => "the number of possible CPUs, which libbpf fills in",
        _ => LEFT_TO_LOADER,
    }
    .to_owned()
}

fn push_needs(page: &mut String, checked: &Checked, map: &MapDecl) {
    let resolved = checked.resolved();
    let Some(since) = resolved.creation_since(map) else { return };
    let parts: Vec<_> = resolved
        .requirements(map)
        .iter()
        .map(|requirement| format!("{requirement} ({})", requirement.since))
        .collect();
    let _ = write!(page, "\nNeeds Linux {since}: {}.\n", parts.join(", "));
}

fn push_operations(page: &mut String, checked: &Checked, map: &MapDecl) {
    let operations = checked.resolved().operations(map);
    if operations.is_empty() {
        return;
    }
    page.push_str("\n| operation from user space | kernel |\n| --- | --- |\n");
    for (operation, answers) in operations {
        let _ = writeln!(page, "| {} | {} |", operation.name(), timeline(&answers));
    }
    if let Some(answers) = checked.resolved().one_cpu(map) {
        let _ = writeln!(page, "| lookup and update of one CPU's value | {} |", timeline(&answers));
    }
}

/// Writes the effect of each flag, and the operations that the flag forbids to programs.
fn push_flags(page: &mut String, checked: &Checked, map: &MapDecl) {
    let refused = checked.resolved().refused_to_programs(map);
    if !refused.is_empty() {
        let name = |name: &str| {
            if name.starts_with("bpf_") { format!("`{name}`") } else { name.to_owned() }
        };
        let names: Vec<_> = refused.iter().map(|operation| name(operation.name())).collect();
        let names = names.join(", ");
        let _ = write!(
            page,
            "\nIf a program uses one of these operations, the verifier refuses the program with EACCES: {names}.\n"
        );
    }
    let effects = flag_effects(map);
    if !effects.is_empty() {
        page.push('\n');
    }
    for effect in effects {
        let _ = writeln!(page, "- {effect}");
    }
}

/// Returns the results of an operation on different kernels, such as `from 5.6`, `never: EINVAL` or
/// `from 5.2; from 6.2 ENOTSUPP`.
fn timeline(answers: &[Since]) -> String {
    let Some(first) = answers.iter().position(|since| since.answers.contains(&Answer::Ok)) else {
        return format!("never: {}", answers.last().map(names).unwrap_or_default());
    };
    let mut text = format!("from {}", answers[first].kernel);
    for since in &answers[first + 1..] {
        let _ = write!(text, "; from {} {}", since.kernel, names(since));
    }
    text
}

fn names(since: &Since) -> String {
    let names: Vec<_> = since
        .answers
        .iter()
        .map(|answer| match answer {
            Answer::Ok => "success".to_owned(),
            Answer::Err(errno) => errno.to_string(),
        })
        .collect();
    names.join(" or ")
}
