//! The command `bpfmap explain`.

use bpfmap_codegen::evolve;
use bpfmap_schema::nearest::nearest;
use bpfmap_schema::rules::{ALL, Rule};
use bpfmap_vmtest::explain;
use bpfmap_vmtest::report::push_line;

use crate::{Failed, Outcome, complain, print};

pub(crate) fn run(rule: Option<&str>) -> Outcome {
    let Some(id) = rule else {
        return print(&list());
    };
    if let Some(change) = evolve::Rule::by_id(id) {
        return print(&page(change));
    }
    if let Some(failure) = explain::page(id) {
        return print(&failure);
    }
    let Some(rule) = Rule::by_id(id) else {
        let failures = explain::all().into_iter().map(|failure| failure.name);
        let changes = evolve::rules::ALL.iter().map(|rule| rule.id);
        let help = nearest(id, ALL.iter().map(|rule| rule.id).chain(changes).chain(failures));
        complain(&format!(
            "error: unknown rule or failure `{id}`: {help}; `bpfmap explain` lists all of them\n"
        ));
        return Err(Failed::Usage);
    };
    let (id, severity, title) = (rule.id, rule.severity.name(), rule.title);
    print(&format!("{id} ({severity}): {title}.\n\n{}\n", rule.explanation.trim()))
}

/// Returns the explanation of a rule of `bpfmap diff`.
fn page(rule: &evolve::Rule) -> String {
    let evolve::Rule { id, class, libbpf, bpfmap, title, explanation, .. } = rule;
    let (class, libbpf, bpfmap) = (class.words(), libbpf.words(), bpfmap.words());
    format!(
        "{id} ({class}): {title}.\n\nIf the older map is pinned, {libbpf}; {bpfmap}.\n\n{explanation}"
    )
}

fn list() -> String {
    let changes = evolve::rules::ALL;
    let lengths = ALL.iter().map(|rule| rule.id).chain(changes.iter().map(|rule| rule.id));
    let width = lengths.map(str::len).max().unwrap_or_default();
    let mut text = String::new();
    for rule in ALL {
        let (id, severity, title) = (rule.id, rule.severity.name(), rule.title);
        push_line(&mut text, &format!("{id:width$}  {severity:7}  "), title);
    }
    text.push_str("\nChanges that `bpfmap diff` reports:\n\n");
    for rule in changes {
        let (id, class, title) = (rule.id, rule.class.name(), rule.title);
        push_line(&mut text, &format!("{id:width$}  {class:10}  "), title);
    }
    text.push_str("\nFailures that `bpfmap test` and `bpfmap-vmtest` report:\n\n");
    text.push_str(&explain::list());
    text
}
