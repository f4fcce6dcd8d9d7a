//! Tests of the compiler's messages for each rule that a derive can break. The tests need Cargo, so
//! they run only on the host.
//!
//! `tests/ui/RULE.rs` or `RULE__CASE.rs` breaks the rule, and the `.stderr` file next to it
//! contains the expected message. After a change, run
//! `TRYBUILD=overwrite cargo test -p bpfmap-derive --test ui`, and read the difference.

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
            // These rules are only about objects that other programs compiled.
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
            // If a type has no derive, the compiler itself reports the error.
            let named = format!("rule: {} ", rule.id);
            assert!(message.contains(&named) || case == "unknown-type__elsewhere", "{case}");
        }
    }
}

/// Only the compiler sees these violations. Each module of `elsewhere.rs` breaks the rules in the
/// comment before the module.
#[test]
fn each_module_of_elsewhere_breaks_its_rules() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let source = fs::read_to_string(folder.join("elsewhere.rs")).unwrap();
    let messages = fs::read_to_string(folder.join("elsewhere.stderr")).unwrap();
    // The last line of each module, and the rules that the compiler reported in the module.
    let mut modules: Vec<(usize, BTreeSet<&str>, BTreeSet<&str>)> = vec![];
    for (index, line) in source.lines().enumerate() {
        if let Some(rules) = line.strip_prefix("// ") {
            modules.push((0, rules.split(' ').collect(), BTreeSet::new()));
        } else if line == "}" {
            // The items of a module are not indented, so the module ends with the last closing
            // brace.
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

/// Returns the file names of the cases of a rule.
fn cases(rule: &Rule) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let cases = files.filter_map(|name| {
        let case = name.to_str()?.strip_suffix(".rs")?.to_owned();
        (case.split("__").next() == Some(rule.id)).then_some(case)
    });
    cases.collect()
}
