//! Tests that the JSON Schema that `bpfmap schema` prints accepts exactly the schemas that the
//! reader of schemas accepts.

#[path = "../../bpfmap-schema/tests/support/grammar.rs"]
mod grammar;
#[path = "support/schemas.rs"]
mod schemas;

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use bpfmap_schema::check::check;
use bpfmap_schema::front::toml::read_str;
use grammar::OF_THE_GRAMMAR;
use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn the_output_is_a_valid_json_schema() {
    assert!(jsonschema::draft202012::meta::is_valid(&printed()));
}

#[test]
fn the_json_schema_accepts_valid_schemas_and_refuses_invalid_ones() {
    let validator = validator();
    let (mut accepted, mut refused) = (0, vec![]);
    for (name, text) in schemas::all() {
        let broken = broken_rules(&text);
        let Ok(schema) = toml::from_str::<Value>(&text) else {
            assert!(broken.contains(&"toml-syntax"), "{name}");
            continue;
        };
        let broken: Vec<&str> =
            broken.into_iter().filter(|rule| OF_THE_GRAMMAR.contains(rule)).collect();
        let errors: Vec<String> =
            validator.iter_errors(&schema).map(|error| error.to_string()).collect();
        assert_eq!(errors.is_empty(), broken.is_empty(), "{name}: {broken:?}, {errors:?}\n{text}");
        accepted += usize::from(broken.is_empty());
        refused.extend(broken);
    }
    assert!(accepted > 300, "{accepted} schemas were accepted");
    for rule in OF_THE_GRAMMAR {
        assert!(refused.contains(rule), "no schema was refused for `{rule}`");
    }
}

/// The message of an editor about an error contains the wrong word.
#[test]
fn the_message_about_a_wrong_word_contains_the_word() {
    let schema = json!({ "maps": { "counters": { "type": "hash", "pinned": true } } });
    let errors: Vec<String> =
        validator().iter_errors(&schema).map(|error| error.to_string()).collect();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].contains("'pinned' was unexpected"), "{errors:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The regular expressions of types and kernel versions accept the same texts as the reader of
    /// schemas, except that they do not count brackets.
    #[test]
    fn patterns_agree_with_the_reader(
        word in "[ \\[*]{0,3}(u8|be16|[a-z_][a-z0-9]{0,2}|kptr|bpf_list_head)[ <]{0,2}(task|a[.]b|9)?[ >]{0,2}(; ?(0x)?[0-9a_]{1,3}[ \\]]{0,2}){0,2}",
        version in "[0-9]{0,3}[.]?[0-9]{0,4}[.a]?",
    ) {
        let brackets = |sign: char| word.matches(sign).count();
        if brackets('[') == brackets(']') {
            let text = format!("[types.x]\nkind = \"alias\"\ntype = \"{word}\"\n");
            let schema = json!({ "types": { "x": { "kind": "alias", "type": word } } });
            assert_agree(&text, &schema, "type-syntax");
        }
        let text = format!("min_kernel = \"{version}\"\n");
        assert_agree(&text, &json!({ "min_kernel": version }), "unknown-word");
    }
}

fn assert_agree(text: &str, schema: &Value, rule: &str) {
    let is_broken = broken_rules(text).contains(&rule);
    assert_eq!(validator().is_valid(schema), !is_broken, "{text}");
}

fn printed() -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_bpfmap")).arg("schema").output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn validator() -> &'static Validator {
    static VALIDATOR: LazyLock<Validator> =
        LazyLock::new(|| jsonschema::draft202012::new(&printed()).unwrap());
    &VALIDATOR
}

/// Returns the rules that a schema breaks.
fn broken_rules(text: &str) -> Vec<&'static str> {
    let findings = match check(read_str(Path::new("some.toml"), text)) {
        Ok(checked) => checked.warnings().to_vec(),
        Err(rejected) => rejected.findings,
    };
    findings.iter().map(|finding| finding.rule.id).collect()
}
