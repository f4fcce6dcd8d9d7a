//! Checks that a schema that breaks a rule in TOML also breaks the rule if it is written in Rust.
//! The derive reports the violation. If the derive can't see the violation, the compiler reports
//! it.
//!
//! The cases that the compiler reports are in `tests/ui/elsewhere.rs`, which has a module for each
//! case. After a change, run `BPFMAP_BLESS=1 cargo test -p bpfmap-derive --lib`, and then bless the
//! test `ui` as usual.

#[path = "../../bpfmap-schema/tests/support/cases.rs"]
mod cases;
#[path = "../tests/ui/support/exempt.rs"]
mod exempt;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use bpfmap_schema::check::check;
use bpfmap_schema::diagnostics::Severity;
use bpfmap_schema::draft::Draft;
use bpfmap_schema::front::{rust, toml};
use bpfmap_schema::layout::Layouts;
use bpfmap_schema::print;
use bpfmap_schema::rules::Rule;

use crate::tests::{expand, items};

/// Cases in which a derive does not report the same rules as the reader of TOML, each with the
/// reason.
const OTHERWISE: &[(&str, &str)] = &[
    ("bad-name__empty", "a derive does not see the name of the schema"),
    ("optional-map", "a derive does not see the other map in the initial contents"),
    ("recursive-type__circle", "the compiler refuses types that contain each other"),
    (
        "special-field-not-top-level__places",
        "a derive reads a type in place as a separate struct, so the list in it also has no lock",
    ),
    ("values-program", "a derive does not see whether a name refers to a map"),
];

#[test]
fn schemas_that_break_a_rule_in_toml_break_it_in_a_derive() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut seen, mut differences) = (0, Vec::new());
    let mut elsewhere = "//! Declarations that break a rule only because of an item that is declared elsewhere. Each module is a case, and the comment above it contains the names of the rules.\n\
         //! `src/same_rules.rs` writes this file.\n".to_owned();
    for case in cases::cases(&crate_folder.join("../bpfmap-schema")) {
        let draft = toml::read_str(Path::new("example.toml"), &case.text);
        if !draft.findings.is_empty() || OTHERWISE.iter().any(|(name, _)| *name == case.name) {
            continue;
        }
        let text = print::rust::print(&draft.schema, &Layouts::new(&draft.schema));
        let expected = rules(draft);
        // The tests that compare the readers of files cover cases that can't be written in Rust.
        if rules(rust::read_str(Path::new("example.rs"), &text)) != expected {
            continue;
        }
        let expanded: Vec<String> =
            items(&text).into_iter().map(|item| expand(item).to_string()).collect();
        let found = named(&expanded.concat());
        if let Some(other) = found.difference(&expected).next() {
            differences.push(format!("{}: a derive says {other}\n{text}", case.name));
        }
        // Checks that the compiler evaluates can only cause errors. They can't cause warnings.
        let is_warning =
            |rule: &str| Rule::by_id(rule).is_some_and(|rule| rule.severity == Severity::Warning);
        let is_exempt = |rule: &str| {
            is_warning(rule) || exempt::NOT_BY_A_DERIVE.iter().any(|(id, _)| *id == rule)
        };
        let missing: Vec<&str> = expected
            .difference(&found)
            .map(String::as_str)
            .filter(|rule| !is_exempt(rule))
            .collect();
        if missing.is_empty() {
            seen += 1;
            continue;
        }
        let module = case.name.replace('-', "_");
        let body = text.replace("bpfmap::schema!(name = \"example\");\n\n", "");
        let _ = write!(elsewhere, "\n// {}\nmod {module} {{\n{body}}}\n", missing.join(" "));
    }
    elsewhere.push_str("\nfn main() {}\n");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(seen > 60, "{seen} cases are seen by a derive");
    let file = crate_folder.join("tests/ui/elsewhere.rs");
    if env::var_os("BPFMAP_BLESS").is_some() {
        fs::write(file, elsewhere).unwrap();
    } else {
        let there = fs::read_to_string(file).unwrap();
        assert!(there == elsewhere, "tests/ui/elsewhere.rs is not\n{elsewhere}");
    }
}

/// Returns the names of the rules that a draft breaks.
fn rules(draft: Draft) -> BTreeSet<String> {
    let findings = match check(draft) {
        Ok(checked) => checked.warnings().to_vec(),
        Err(rejected) => rejected.findings,
    };
    findings.iter().map(|finding| finding.rule.id.to_owned()).collect()
}

/// Returns the names of the rules in the errors and warnings of an expansion.
fn named(expansion: &str) -> BTreeSet<String> {
    let parts = ["compile_error", "deprecated (note"].map(|word| expansion.split(word).skip(1));
    let rules = parts.into_iter().flatten().filter_map(|part| {
        let (_, rest) = part.split_once("rule: ")?;
        Some(rest.split(' ').next()?.to_owned())
    });
    rules.collect()
}
