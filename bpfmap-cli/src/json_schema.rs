//! The command `bpfmap schema`, which prints the grammar of schemas in TOML as JSON Schema.

use bpfmap_schema::front::toml::grammar::{
    ALIAS, ENUM, INNER_MAP, KERNEL_VERSION_PATTERN, Key, MAP, MEMBER, Presence, SCHEMA, STRUCT,
    STRUCT_MEMBER, Table, UNION, UNION_MEMBER, VARIANT, Value, type_pattern,
};
use bpfmap_schema::type_word;
use serde_json::{Map, Number, Value as Json, json};

use crate::{Outcome, print};

/// Runs `bpfmap schema`.
pub(crate) fn run() -> Outcome {
    print(&format!("{:#}\n", json_schema()))
}

/// The tables that other tables refer to by name.
const DEFINITIONS: &[&Table] = &[
    &STRUCT,
    &UNION,
    &ENUM,
    &ALIAS,
    &MEMBER,
    &STRUCT_MEMBER,
    &UNION_MEMBER,
    &VARIANT,
    &MAP,
    &INNER_MAP,
];

/// Returns the JSON Schema (2020-12) of a schema file.
fn json_schema() -> Json {
    let mut schema = table(&SCHEMA);
    let definitions = DEFINITIONS.iter().map(|def| (def.name.to_owned(), table(def)));
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("bpfmap schema");
    schema["$defs"] = Json::Object(definitions.collect());
    schema["$defs"]["type_expression"] = type_expression();
    schema
}

fn table(table: &Table) -> Json {
    let mut properties = Map::new();
    let mut required = vec![];
    let mut conditions = vec![];
    for key in table.keys() {
        properties.insert(key.name.to_owned(), property(key));
        match key.presence {
            Presence::Optional => {}
            Presence::Required => required.push(key.name),
            Presence::Unless(other) => conditions
                .push(json!({ "anyOf": [{ "required": [key.name] }, { "required": [other] }] })),
            Presence::InsteadOf(other) => {
                conditions.push(json!({ "not": { "required": [key.name, other] } }));
            }
        }
    }
    let mut schema = json!({
        "type": "object",
        "description": table.doc,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    if !conditions.is_empty() {
        schema["allOf"] = Json::Array(conditions);
    }
    schema
}

fn property(key: &Key) -> Json {
    let mut property = value(&key.value);
    property["description"] = json!(key.doc);
    property
}

fn value(value: &Value) -> Json {
    match value {
        Value::Text => json!({ "type": "string" }),
        Value::Type => json!({ "$ref": "#/$defs/type_expression" }),
        Value::KernelVersion => json!({ "type": "string", "pattern": KERNEL_VERSION_PATTERN }),
        Value::Word(words) => words_of(&words()),
        Value::Constant(word) => json!({ "const": word }),
        Value::Bool => json!({ "type": "boolean" }),
        Value::Integer { min, max } => {
            let [min, max] = [min, max].map(|limit| Number::from_i128(*limit));
            json!({ "type": "integer", "minimum": min, "maximum": max })
        }
        Value::List(item) => json!({ "type": "array", "items": self::value(item) }),
        Value::Tables([table]) => reference(table),
        Value::Tables(tables) => {
            json!({ "oneOf": tables.iter().map(|table| reference(table)).collect::<Vec<_>>() })
        }
        Value::Named(item) => {
            json!({ "type": "object", "additionalProperties": self::value(item) })
        }
        Value::Indexed(item) => json!({
            "type": "object",
            "patternProperties": { "^[0-9]+$": self::value(item) },
            "additionalProperties": false,
        }),
        Value::AnyOf(kinds) => {
            json!({ "anyOf": kinds.iter().map(self::value).collect::<Vec<_>>() })
        }
    }
}

fn reference(table: &Table) -> Json {
    json!({ "$ref": format!("#/$defs/{}", table.name) })
}

/// Returns a JSON Schema that allows the given words. Editors that use Taplo show the meaning of
/// each word.
fn words_of(words: &[(&str, &str)]) -> Json {
    let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let mut choice = json!({ "enum": names });
    if words.iter().any(|(_, meaning)| !meaning.is_empty()) {
        let meanings: Vec<&str> = words.iter().map(|(_, meaning)| *meaning).collect();
        choice["x-taplo"] = json!({ "docs": { "enumValues": meanings } });
    }
    choice
}

/// Returns the JSON Schema of a type. A type is one of the words that are valid in every schema, or
/// any other text that matches the pattern of types. Editors suggest the words.
fn type_expression() -> Json {
    json!({
        "description": "A type: `u32`, `be16`, `[u8; 16]`, `*void`, or the name of a type in `types`.",
        "anyOf": [
            { "enum": type_word::all().collect::<Vec<_>>() },
            { "type": "string", "pattern": type_pattern() },
        ],
    })
}
