//! The grammar of schemas in TOML says what the reader does: which keys there are, which must be there, and what each
//! of them takes.

#[path = "support/grammar.rs"]
mod grammar;

use std::fmt::Write as _;
use std::path::Path;

use bpfmap_schema::check::check;
use bpfmap_schema::front::toml::grammar::{MAP, Presence, SCHEMA, Table, Value};
use bpfmap_schema::front::toml::read_str;
use grammar::OF_THE_GRAMMAR;

/// Values of TOML, a few of each kind.
const VALUES: &[&str] = &[
    "\"u8\"",
    "\"5.10\"",
    "true",
    "0",
    "-1",
    "4294967295",
    "4294967296",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1.5",
    "1979-05-27",
    "[]",
    "[\"u8\"]",
    "[1]",
    "{}",
    "{ 0 = \"u8\" }",
    "{ 0 = 1 }",
    "{ 0 = -1 }",
    "{ a = \"u8\" }",
];

#[test]
fn each_key_takes_what_the_grammar_says() {
    let mut tried = 0;
    for (table, place) in tables() {
        // A constant says which table it is.
        for key in table.keys().filter(|key| !matches!(key.value, Value::Constant(_))) {
            for value in VALUES.iter().copied().chain(words(&key.value)) {
                let others = required_keys(table, key.name);
                let text = place.replace("…", &format!("{} = {value}{others}", key.name));
                let broken = broken_rules(&text);
                assert_eq!(takes(&key.value, value), broken.is_empty(), "{text}: {broken:?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 1000, "{tried} values were tried");
}

#[test]
fn required_keys_are_required() {
    for (table, place) in tables() {
        for key in table.keys() {
            let left_out = if key.presence == Presence::Optional { "" } else { key.name };
            let others = required_keys(table, left_out);
            let text = place.replace("…", others.trim_start_matches(", "));
            let is_missing = broken_rules(&text).contains(&"missing-key");
            match key.presence {
                Presence::Optional | Presence::InsteadOf(_) => assert!(!is_missing, "{text}"),
                Presence::Required => assert!(is_missing, "{text}"),
                Presence::Unless(other) => {
                    assert!(is_missing, "{text}");
                    let text = text.replacen("type =", &format!("{other} = 1, type ="), 1);
                    assert!(!broken_rules(&text).contains(&"missing-key"), "{text}");
                }
            }
            if let Presence::InsteadOf(other) = key.presence {
                let text = place
                    .replace("…", &format!("type = \"hash\", {} = 1, {other} = \"u8\"", key.name));
                assert_eq!(broken_rules(&text), ["type-and-size"], "{text}");
            }
        }
    }
}

#[test]
fn a_key_that_no_table_has_is_unknown() {
    for (table, place) in tables() {
        let keys = required_keys(table, "");
        let text = place.replace("…", &format!("no_such_key = 1{keys}"));
        assert_eq!(broken_rules(&text), ["unknown-key"], "{text}");
    }
}

/// Returns each table of the grammar, and a document with `…` in the place of its keys.
fn tables() -> Vec<(&'static Table, String)> {
    let mut found: Vec<(&Table, String)> = vec![];
    let mut todo = vec![(&SCHEMA, "…".to_owned())];
    while let Some((table, place)) = todo.pop() {
        if found.iter().any(|(known, _)| known.name == table.name) {
            continue;
        }
        for key in table.keys() {
            for (inner, form) in tables_in(&key.value) {
                let others = required_keys(table, key.name);
                let text = format!("{} = {form}{others}", key.name);
                todo.push((inner, place.replace("…", &text)));
            }
        }
        found.push((table, place));
    }
    assert!(found.len() > 10);
    found
}

/// Returns the tables that a value can hold, each with the form of such a value.
fn tables_in(value: &Value) -> Vec<(&'static Table, String)> {
    let within = |value: &Value, form: fn(&str) -> String| {
        tables_in(value).into_iter().map(|(table, inner)| (table, form(&inner))).collect()
    };
    match value {
        Value::Tables(tables) => tables.iter().map(|table| (*table, "{ … }".to_owned())).collect(),
        Value::List(item) => within(item, |inner| format!("[{inner}]")),
        Value::Named(item) => within(item, |inner| format!("{{ a = {inner} }}")),
        Value::AnyOf(kinds) => kinds.iter().flat_map(tables_in).collect(),
        _ => vec![],
    }
}

/// Returns the keys that must be there besides `key`, each with a value that the grammar accepts.
fn required_keys(table: &Table, key: &str) -> String {
    let others = table.keys().filter(|other| match other.presence {
        Presence::Required => other.name != key,
        Presence::Unless(instead) => other.name != key && instead != key,
        Presence::Optional | Presence::InsteadOf(_) => false,
    });
    let mut keys = String::new();
    for other in others {
        let value = match &other.value {
            Value::Constant(word) => format!("\"{word}\""),
            Value::Word(words) => format!("\"{}\"", words()[0].0),
            Value::Integer { .. } => "1".to_owned(),
            Value::Text | Value::Type => "\"u8\"".to_owned(),
            Value::List(_) => "[]".to_owned(),
            Value::Named(_) => "{}".to_owned(),
            other => panic!("no example of {other:?}"),
        };
        write!(keys, ", {} = {value}", other.name).unwrap();
    }
    keys
}

/// Words that the key takes, and one that it does not.
fn words(value: &Value) -> Vec<&'static str> {
    match value {
        Value::Word(words) => {
            let known = words();
            let mut texts: Vec<&str> =
                known.iter().map(|(word, _)| &*format!("\"{word}\"").leak()).collect();
            texts.push("\"no_such_word\"");
            texts
        }
        Value::List(item) => {
            words(item).into_iter().map(|word| &*format!("[{word}]").leak()).collect()
        }
        Value::AnyOf(kinds) => kinds.iter().flat_map(words).collect(),
        _ => vec![],
    }
}

/// Returns whether the grammar says that a key of this value takes `text`.
fn takes(value: &Value, text: &str) -> bool {
    let string = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    match value {
        Value::Text => string.is_some(),
        Value::Type => string == Some("u8"),
        Value::KernelVersion => string == Some("5.10"),
        Value::Word(words) => words().iter().any(|(word, _)| string == Some(word)),
        Value::Constant(word) => string == Some(word),
        Value::Bool => text == "true",
        Value::Integer { min, max } => {
            text.parse().is_ok_and(|number: i128| (*min..=*max).contains(&number))
        }
        Value::List(item) => {
            let items = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
            items.is_some_and(|item_text| item_text.is_empty() || takes(item, item_text))
        }
        // The only table among the values that has no key at all.
        Value::Tables(_) => false,
        Value::Named(item) => {
            entries(text).is_some_and(|entries| entries.iter().all(|(_, value)| takes(item, value)))
        }
        Value::Indexed(item) => entries(text).is_some_and(|entries| {
            entries.iter().all(|(key, value)| *key == "0" && takes(item, value))
        }),
        Value::AnyOf(kinds) => kinds.iter().any(|kind| takes(kind, text)),
    }
}

/// Returns the keys and values of a table of one key or none, if `text` is a table.
fn entries(text: &str) -> Option<Vec<(&str, &str)>> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?.trim();
    Some(inner.split_once(" = ").into_iter().collect())
}

/// Returns the rules of the grammar that a schema breaks.
fn broken_rules(text: &str) -> Vec<&'static str> {
    let findings = match check(read_str(Path::new("grammar.toml"), text)) {
        Ok(checked) => checked.warnings().to_vec(),
        Err(rejected) => rejected.findings,
    };
    let mut broken: Vec<&str> = findings.iter().map(|finding| finding.rule.id).collect();
    assert!(!broken.contains(&"toml-syntax"), "{text}");
    broken.retain(|rule| OF_THE_GRAMMAR.contains(rule));
    broken.dedup();
    broken
}

#[test]
fn maps_have_the_keys_that_the_pages_name() {
    for name in ["type", "key", "value", "max_entries", "flags", "pinning", "inner"] {
        assert!(MAP.key(name).is_some(), "{name}");
    }
}
