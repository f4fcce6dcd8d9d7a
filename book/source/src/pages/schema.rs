//! The page about the grammar of schemas. It lists each table and the keys of the table, as the
//! reader of schemas defines them.

use std::fmt::Write as _;

use bpfmap_core::KernelVersion;
use bpfmap_core::map_type::{EventRule, MAP_TYPES, MapExtraRule, MapFlag, MapType, ValueRule};
use bpfmap_schema::front::toml::grammar::{INNER_MAP, Key, MAP, Presence, SCHEMA, Table, Value};

use crate::markdown::{self, grouped};

/// Returns the generated part of the page.
pub(super) fn page() -> String {
    let mut page = String::new();
    for Found { table, places } in tables() {
        let title = capitalized(table.what);
        let _ = write!(page, "\n## {title}\n\n{}", table.doc);
        if !places.is_empty() {
            let _ = write!(page, " Where: {}.", places.join("; "));
        }
        page.push('\n');
        page.push_str(&keys(table));
    }
    page
}

/// A table of the grammar.
struct Found {
    table: &'static Table,
    /// The keys whose value can be this table.
    places: Vec<String>,
}

/// Returns every table that a schema can contain. The outer tables come first.
fn tables() -> Vec<Found> {
    let mut found = vec![Found { table: &SCHEMA, places: vec![] }];
    let mut index = 0;
    while index < found.len() {
        let outer = found[index].table;
        index += 1;
        for key in outer.keys() {
            for inner in tables_in(&key.value) {
                let place = match key.value {
                    Value::Named(_) if outer.name == SCHEMA.name => {
                        format!("`[{}.NAME]`", key.name)
                    }
                    _ => format!("`{}` of [{}](#{})", key.name, outer.what, anchor(outer)),
                };
                match found.iter_mut().find(|known| known.table.name == inner.name) {
                    Some(known) => known.places.push(place),
                    None => found.push(Found { table: inner, places: vec![place] }),
                }
            }
        }
    }
    found
}

fn tables_in(value: &Value) -> Vec<&'static Table> {
    match value {
        Value::Tables(tables) => tables.to_vec(),
        Value::List(inner) | Value::Named(inner) | Value::Indexed(inner) => tables_in(inner),
        Value::AnyOf(kinds) => kinds.iter().flat_map(tables_in).collect(),
        _ => vec![],
    }
}

fn keys(table: &Table) -> String {
    if !is_map(table) {
        let mut rows = markdown::Table::new(["key", "takes", "required", "meaning"]);
        for key in table.keys() {
            rows.row([name(key), takes(&key.value), required(key), key.doc.to_owned()]);
        }
        return rows.finish();
    }
    let mut rows = markdown::Table::new(["key", "value", "required", "first kernel", "meaning"]);
    for key in table.keys() {
        let kernel = first_kernel(key.name).map_or_else(String::new, |kernel| kernel.to_string());
        rows.row([name(key), takes(&key.value), required(key), kernel, key.doc.to_owned()]);
    }
    rows.finish()
}

fn is_map(table: &Table) -> bool {
    [MAP.name, INNER_MAP.name].contains(&table.name)
}

fn name(key: &Key) -> String {
    format!("`{}`", key.name)
}

fn required(key: &Key) -> String {
    match key.presence {
        Presence::Optional => "no".to_owned(),
        Presence::Required => "yes".to_owned(),
        Presence::Unless(other) => format!("yes, unless `{other}` is present"),
        Presence::InsteadOf(other) => format!("no; replaces `{other}`"),
    }
}

/// Returns the first kernel that supports a key of a map. Returns `None` if maps without the key
/// need the same kernel.
fn first_kernel(key: &str) -> Option<KernelVersion> {
    let first = |has: fn(&MapType) -> bool| {
        MAP_TYPES.iter().filter(|row| has(row)).map(|row| row.since).min()
    };
    match key {
        "event" => first(|row| row.events != EventRule::Nothing),
        "ops" => first(|row| row.value == ValueRule::StructOps),
        "map_extra" => first(|row| row.map_extra != MapExtraRule::Zero),
        "inner" => first(MapType::holds_maps),
        "numa_node" => MapFlag::by_name("numa_node").map(|flag| flag.since),
        _ => None,
    }
}

/// Returns a description of the values of a key.
fn takes(value: &Value) -> String {
    match value {
        Value::Text => "a string".to_owned(),
        Value::Type => "[a type](types.md)".to_owned(),
        Value::KernelVersion => "a kernel version, such as `\"5.10\"`".to_owned(),
        Value::Word(words) => words_in(&words()),
        Value::Constant(word) => format!("`\"{word}\"`"),
        Value::Bool => "`true` or `false`".to_owned(),
        Value::Integer { min, max } => {
            format!("an integer from {} to {}", number(*min), number(*max))
        }
        Value::List(item) => format!("an array; each item: {}", takes(item)),
        Value::Tables(tables) => {
            let links = tables.iter().map(|table| format!("[{}](#{})", table.what, anchor(table)));
            or(&links.collect::<Vec<_>>())
        }
        Value::Named(item) => format!("a table; each key is a name, each value: {}", takes(item)),
        Value::Indexed(item) => {
            format!("a table; each key is a number from 0, each value: {}", takes(item))
        }
        Value::AnyOf(kinds) => or(&kinds.iter().map(takes).collect::<Vec<_>>()),
    }
}

/// Returns a description of the words of a key. Some kinds of words have their own pages.
fn words_in(words: &[(&str, &str)]) -> String {
    if words.iter().all(|(word, _)| MapType::by_name(word).is_some()) {
        return "[a map type](../map-types/index.md)".to_owned();
    }
    if words.iter().all(|(word, _)| MapFlag::by_name(word).is_some()) {
        return "[a flag](flags.md)".to_owned();
    }
    or(&words.iter().map(|(word, _)| format!("`\"{word}\"`")).collect::<Vec<_>>())
}

fn or(words: &[String]) -> String {
    match words {
        [before @ .., one, other] => {
            let first: Vec<&str> = before.iter().chain([one]).map(String::as_str).collect();
            format!("{} or {other}", first.join(", "))
        }
        _ => words.concat(),
    }
}

fn number(number: i128) -> String {
    let sign = if number < 0 { "-" } else { "" };
    match u64::try_from(number.unsigned_abs()) {
        Ok(absolute) => format!("{sign}{}", grouped(absolute)),
        Err(_) => number.to_string(),
    }
}

fn anchor(table: &Table) -> String {
    table.what.replace(' ', "-")
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_table_and_key_of_the_grammar_is_on_the_page() {
        let page = page();
        assert!(tables().len() > 10);
        for Found { table, places } in tables() {
            let section = page.split(&format!("\n## {}\n", capitalized(table.what))).nth(1);
            let section = section.unwrap_or_else(|| panic!("no section for {}", table.name));
            let section = section.split("\n## ").next().unwrap();
            assert!(section.contains(table.doc));
            assert!(table.name == SCHEMA.name || !places.is_empty());
            let mut keys = 0;
            for key in table.keys() {
                let row =
                    section.lines().find(|line| line.starts_with(&format!("| `{}` |", key.name)));
                let row =
                    row.unwrap_or_else(|| panic!("no row for {} of {}", key.name, table.name));
                assert!(row.contains(&key.doc.replace('|', "\\|")), "{row}");
                keys += 1;
            }
            assert!(keys > 0);
        }
    }

    #[test]
    fn rows_describe_the_values_of_a_key() {
        let page = page();
        for row in [
            "| `type` | [a map type](../map-types/index.md) | yes |  | The type of the map. |",
            "| `numa_node` | an integer from 0 to 4,294,967,295 | no | 4.14 |",
            "| `inner` | a string or [an inner map](#an-inner-map) | no | 4.12 |",
            "| `key_size` | an integer from 0 to 4,294,967,295 | no; replaces `key` |",
            "| `name` | a string | yes, unless `bits` is present |",
            "| `flags` | an array; each item: [a flag](flags.md) | no |",
            "| `pinning` | `\"none\"`",
        ] {
            assert!(page.contains(row), "{row}\n{page}");
        }
        assert!(page.contains("Where: `[maps.NAME]`."), "{page}");
    }

    #[test]
    fn first_kernels_are_given_only_for_existing_keys() {
        let known = ["event", "ops", "map_extra", "inner", "numa_node"];
        assert!(known.iter().all(|key| MAP.key(key).is_some() && first_kernel(key).is_some()));
        assert_eq!(first_kernel("map_extra"), Some(KernelVersion::new(5, 16)));
    }
}
