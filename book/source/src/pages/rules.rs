//! A page for each rule of schemas and for each change that `bpfmap diff` reports, with the same
//! content as in `bpfmap explain`.

use std::fmt::Write as _;

use bpfmap_codegen::evolve;
use bpfmap_schema::rules::{self, Rule};

use crate::markdown::Table;

/// Returns the paths and contents of the pages.
pub(super) fn pages() -> impl Iterator<Item = (String, String)> {
    let rules = rules::ALL.iter().map(|rule| (path("rules", rule.id), page(rule)));
    let changes = evolve::rules::ALL.iter();
    rules.chain(changes.map(|rule| (path("changes", rule.id), page_of_change(rule))))
}

/// Returns the title and the path of each page of a rule.
pub(super) fn rules() -> impl Iterator<Item = (String, String)> {
    rules::ALL.iter().map(|rule| (format!("`{}`", rule.id), path("rules", rule.id)))
}

/// Returns the title and the path of each page of a change.
pub(super) fn changes() -> impl Iterator<Item = (String, String)> {
    evolve::rules::ALL.iter().map(|rule| (format!("`{}`", rule.id), path("changes", rule.id)))
}

fn path(folder: &str, id: &str) -> String {
    format!("{folder}/{id}.md")
}

fn page(rule: &Rule) -> String {
    let Rule { id, severity, title, explanation, .. } = rule;
    let severity = severity.name();
    format!(
        "# `{id}`\n\n**{title}.** Breaking this rule is reported as: {severity}.\n\n{explanation}"
    )
}

fn page_of_change(rule: &evolve::Rule) -> String {
    let evolve::Rule { id, class, libbpf, bpfmap, title, explanation, .. } = rule;
    let (name, class) = (class.name(), class.words());
    let (libbpf, bpfmap) = (libbpf.words(), bpfmap.words());
    format!(
        "# `{id}`\n\n**{title}.** `bpfmap diff` reports the class `{name}`: {class}. If the older map is pinned, {libbpf}; \
         {bpfmap}.\n\n{explanation}"
    )
}

/// Returns the generated part of the index of rules.
pub(super) fn index() -> String {
    let mut page = String::new();
    for subject in subjects(rules::ALL.iter().map(|rule| rule.subject)) {
        let mut rows = Table::new(["rule", "severity", "requirement"]);
        for rule in rules::ALL.iter().filter(|rule| rule.subject == subject) {
            rows.row([link(rule.id), rule.severity.name().to_owned(), rule.title.to_owned()]);
        }
        let _ = write!(page, "\n## {subject}\n{}", rows.finish());
    }
    page
}

/// Returns the generated part of the index of changes.
pub(super) fn index_of_changes() -> String {
    let mut page = String::new();
    for subject in subjects(evolve::rules::ALL.iter().map(|rule| rule.subject)) {
        let mut rows = Table::new(["change", "meaning", "for a live pin"]);
        for rule in evolve::rules::ALL.iter().filter(|rule| rule.subject == subject) {
            rows.row([link(rule.id), rule.title.to_owned(), rule.class.words().to_owned()]);
        }
        let _ = write!(page, "\n## {subject}\n{}", rows.finish());
    }
    page
}

fn link(id: &str) -> String {
    format!("[`{id}`]({id}.md)")
}

/// Returns the distinct subjects, in the order of the rules.
fn subjects(all: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let mut subjects: Vec<&str> = all.collect();
    subjects.dedup();
    subjects
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_in_the_index_once_and_has_a_page() {
        let (index, changes) = (index(), index_of_changes());
        for rule in rules::ALL {
            assert_eq!(index.matches(&link(rule.id)).count(), 1, "{}", rule.id);
        }
        for rule in evolve::rules::ALL {
            assert_eq!(changes.matches(&link(rule.id)).count(), 1, "{}", rule.id);
        }
        assert_eq!(pages().count(), rules::ALL.len() + evolve::rules::ALL.len());
        assert!(pages().all(|(_, text)| text.lines().count() > 3));
    }

    #[test]
    fn subjects_have_their_rules_together() {
        let subjects = subjects(rules::ALL.iter().map(|rule| rule.subject));
        let mut sorted = subjects.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), subjects.len(), "{subjects:?}");
        assert!(subjects.len() > 5);
    }
}
