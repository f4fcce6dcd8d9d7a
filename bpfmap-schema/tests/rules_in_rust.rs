//! A rule is one rule, whatever a schema is written in: what breaks it in TOML and is said in Rust breaks
//! the same. What the derives say of it is held in bpfmap-derive.

#[path = "support/cases.rs"]
mod cases;

use std::collections::BTreeSet;
use std::path::Path;

use bpfmap_schema::check::check;
use bpfmap_schema::draft::Draft;
use bpfmap_schema::front::{rust, toml};
use bpfmap_schema::layout::Layouts;
use bpfmap_schema::print;

/// Cases that Rust has no words for, and why.
const NOT_IN_RUST: &[(&str, &str)] = &[
    ("bad-name", "what is no identifier can't be written as one"),
    ("bad-name__kinds", "what is no identifier can't be written as one"),
    (
        "bit-field-type__kinds",
        "the bytes that hold such bit-fields would have a layout of their own",
    ),
    ("inner-type__levels", "a template has a name, and the template in it has none"),
    ("set-by-loader", "what the loader sets is a parameter: it can't be said as well"),
    ("set-by-loader__all", "what the loader sets is a parameter: it can't be said as well"),
    ("unknown-map", "what is named by nothing has no name to write"),
    ("unknown-type", "what is named by nothing has no name to write"),
    ("unknown-type__inner", "what is named by nothing has no name to write"),
    ("unknown-type__words", "what is named by nothing has no name to write"),
];

/// Returns the rules that a draft breaks.
fn rules(draft: Draft) -> BTreeSet<&'static str> {
    match check(draft) {
        Ok(checked) => checked.warnings().iter().map(|finding| finding.rule.id).collect(),
        Err(rejected) => rejected.findings.iter().map(|finding| finding.rule.id).collect(),
    }
}

#[test]
fn what_breaks_a_rule_in_toml_breaks_it_in_rust() {
    let (mut compared, mut differences) = (0, Vec::new());
    for case in cases::cases(Path::new(env!("CARGO_MANIFEST_DIR"))) {
        let draft = toml::read_str(Path::new("example.toml"), &case.text);
        // What TOML itself can't say is no schema.
        if !draft.findings.is_empty() || NOT_IN_RUST.iter().any(|(name, _)| *name == case.name) {
            continue;
        }
        let text = print::rust::print(&draft.schema, &Layouts::new(&draft.schema));
        let expected = rules(draft);
        let found = rules(rust::read_str(Path::new("example.rs"), &text));
        compared += 1;
        if found != expected {
            differences
                .push(format!("{}: {expected:?} in TOML, {found:?} in Rust:\n{text}", case.name));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(compared > 90, "{compared} cases");
}
