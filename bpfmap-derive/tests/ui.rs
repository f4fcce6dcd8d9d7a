//! What the compiler says of each rule that a derive can break. Needs cargo, so it runs on the host
//! only.
//!
//! `tests/ui/RULE.rs`, or `RULE__CASE.rs`, breaks the rule, and the message is pinned beside it. After
//! a change: `TRYBUILD=overwrite cargo test -p bpfmap-derive --test ui`, and read the difference.

use std::fs;
use std::path::Path;

use bpfmap_codegen::rules::{ALL, Rule};

/// Rules that no derive can break, and why. `bpfmap check` and `bpfmap generate` hold a whole source
/// to them.
const NOT_BY_A_DERIVE: &[(&str, &str)] = &[
    ("unreadable-source", "a derive reads no file"),
    ("toml-syntax", "a derive reads no TOML"),
    ("rust-syntax", "the compiler reads the Rust before a derive does"),
    ("include-cycle", "a derive follows no includes"),
    ("too-many-findings", "it cuts the findings of hundreds of items"),
    ("unknown-cfg", "the compiler applies conditions before a derive sees what is left"),
    ("empty-schema", "a derive sees a type or a map"),
    ("unknown-constant", "the compiler knows the constants that an item names"),
    ("derive-missing", "without the derive nothing looks"),
    ("in-place", "a derive sees either the type or where it is named"),
    ("duplicate-type", "it takes two items"),
    ("duplicate-map", "it takes two items"),
    ("duplicate-c-name", "it takes two items"),
    ("duplicate-rust-name", "the compiler refuses two items of one name"),
    ("map-name-too-long", "it takes two maps"),
    (
        "name-may-clash",
        "a derive does not know whether there is a program in C, and what it includes",
    ),
    ("nested-too-deep", "it takes many types"),
    (
        "pointer-in-key",
        "it is a warning, about a type that a map's derive does not see: what the compiler computes of it can only fail",
    ),
    ("one-arena", "it takes two maps"),
    ("unknown-map", "the compiler knows the maps that Rust names"),
    ("values-mismatch", "it takes two maps"),
    ("too-new-for-min-kernel", "the oldest kernel is the schema's, not the item's"),
];

#[test]
fn every_rule_has_a_case_or_a_reason() {
    for rule in ALL {
        let exempt = NOT_BY_A_DERIVE.iter().any(|(id, _)| *id == rule.id)
            // What is said of objects that others compiled.
            || rule.id.starts_with("import-");
        assert_eq!(cases(rule).is_empty(), exempt, "{}: a case, or a reason", rule.id);
    }
    for (id, _) in NOT_BY_A_DERIVE {
        assert!(Rule::by_id(id).is_ok(), "{id} is no rule");
    }
}

#[test]
fn each_case_breaks_its_rule() {
    for rule in ALL {
        for case in cases(rule) {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
            let message = fs::read_to_string(folder.join(format!("{case}.stderr"))).unwrap();
            // Of a type that has no derive the compiler speaks by itself.
            let named = format!("rule: {} ", rule.id);
            assert!(message.contains(&named) || case == "unknown-type__elsewhere", "{case}");
        }
    }
}

#[test]
fn messages() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

/// The cases of a rule, by their file names.
fn cases(rule: &Rule) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let cases = files.filter_map(|name| {
        let case = name.to_str()?.strip_suffix(".rs")?.to_owned();
        (case.split("__").next() == Some(rule.id)).then_some(case)
    });
    cases.collect()
}
