//! What the compiler says of each rule that a derive can break. Needs cargo, so it runs on the host
//! only.
//!
//! `tests/ui/RULE.rs`, or `RULE__CASE.rs`, breaks the rule, and the message is pinned beside it. After
//! a change: `TRYBUILD=overwrite cargo test -p bpfmap-derive --test ui`, and read the difference.

#[path = "ui/support/exempt.rs"]
mod exempt;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bpfmap_schema::rules::{ALL, Rule};
use exempt::NOT_BY_A_DERIVE;

#[test]
fn every_rule_has_a_case_or_a_reason() {
    for rule in ALL {
        let exempt = NOT_BY_A_DERIVE.iter().any(|(id, _)| *id == rule.id)
            // What is said of objects that others compiled.
            || rule.id.starts_with("import-");
        assert_eq!(cases(rule).is_empty(), exempt, "{}: a case, or a reason", rule.id);
    }
    for (id, _) in NOT_BY_A_DERIVE {
        assert!(Rule::by_id(id).is_some(), "`{id}` is not a rule");
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

/// What only the compiler sees: each module of `elsewhere.rs` breaks the rules that are named before it.
#[test]
fn what_is_elsewhere_breaks_the_same_rules() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let source = fs::read_to_string(folder.join("elsewhere.rs")).unwrap();
    let messages = fs::read_to_string(folder.join("elsewhere.stderr")).unwrap();
    // The last line of each module, and the rules that were found in it.
    let mut modules: Vec<(usize, BTreeSet<&str>, BTreeSet<&str>)> = vec![];
    for (index, line) in source.lines().enumerate() {
        if let Some(rules) = line.strip_prefix("// ") {
            modules.push((0, rules.split(' ').collect(), BTreeSet::new()));
        } else if line == "}" {
            // Items of a module are not indented: its own bracket is the last one.
            modules.last_mut().unwrap().0 = index + 1;
        }
    }
    let mut rule = "";
    for line in messages.lines().map(str::trim) {
        if let Some(named) = line.strip_prefix("= rule: ") {
            rule = named.split(' ').next().unwrap();
        } else if let Some(place) = line.strip_prefix("--> tests/ui/elsewhere.rs:") {
            let line: usize = place.split(':').next().unwrap().parse().unwrap();
            let module = modules.iter_mut().find(|(end, ..)| line <= *end).unwrap();
            module.2.insert(rule);
        }
    }
    assert!(modules.len() > 5, "{} modules", modules.len());
    for (end, expected, found) in modules {
        assert_eq!(found, expected, "the module before line {end}");
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
