//! `docs/trust.md` lists the unsafe items and the public traits of this crate.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../../docs/trust.md");

/// Collects the source files in a folder and its subfolders.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(fs::read_to_string(path).unwrap());
        }
    }
}

fn all_sources() -> Vec<String> {
    let mut found = vec![];
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 50, "the sources of the crate");
    found
}

/// Returns the identifier that a line begins with.
fn identifier(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// Returns the items that are declared by lines beginning with `start`, in any file.
fn declared(start: &str) -> BTreeSet<String> {
    let all = all_sources();
    let lines = all.iter().flat_map(|text| text.lines());
    let names = lines.filter_map(|line| line.trim_start().strip_prefix(start));
    // A `$name` belongs to a macro. The page lists the items of the macro one by one.
    names.map(|rest| identifier(rest).to_owned()).filter(|name| !name.is_empty()).collect()
}

/// Returns the unsafe functions of public traits, which have no `pub`.
fn of_unsafe_traits() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for text in all_sources() {
        let mut rest = text.as_str();
        while let Some((_, body)) = rest.split_once("\npub unsafe trait ") {
            let (body, after) = body.split_once("\n}").unwrap_or((body, ""));
            let functions = body.split("    unsafe fn ").skip(1);
            names.extend(functions.map(|function| identifier(function).to_owned()));
            rest = after;
        }
    }
    names
}

/// Returns the names in backticks in the first cell of each row under a heading.
fn rows(headline: &str) -> BTreeSet<String> {
    let (_, section) = PAGE.split_once(&format!("\n## {headline}\n")).expect("the headline");
    let section = section.split("\n## ").next().unwrap();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    let names = cells.flat_map(|cell| cell.split('`').step_by(2));
    let names = names.map(|name| name.rsplit("::").next().unwrap_or_default().to_owned());
    names.filter(|name| !name.is_empty()).collect()
}

#[test]
fn all_public_unsafe_items_are_in_the_table() {
    let mut expected = declared("pub unsafe fn ");
    expected.extend(declared("pub const unsafe fn "));
    expected.extend(declared("pub unsafe trait "));
    expected.extend(of_unsafe_traits());
    assert_eq!(rows("Unsafe by signature"), expected);
    assert!(
        expected.contains("attach_user_ptrs") && expected.contains("from_slot"),
        "{expected:?}"
    );
}

/// The page does not contain old names of renamed or removed items.
#[test]
fn each_name_of_the_page_is_in_the_sources() {
    let all = all_sources().concat();
    let words: BTreeSet<&str> =
        all.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|it| !it.is_empty()).collect();
    let spans = PAGE.split('`').skip(1).step_by(2);
    let names = spans.filter(|span| span.chars().all(|c| c.is_alphanumeric() || "_:!".contains(c)));
    let names = names.flat_map(|span| span.trim_end_matches('!').split("::"));
    let gone: BTreeSet<&str> = names.filter(|name| !words.contains(name)).collect();
    assert!(gone.is_empty(), "not in the sources of bpfmap: {gone:?}");
}

#[test]
fn each_public_trait_is_on_the_page() {
    let mut expected = declared("pub trait ");
    expected.extend(declared("pub unsafe trait "));
    // Sealing traits are not reachable from outside, and the capabilities have one row.
    for sealing in ["Sealed", "Held", "Shown"] {
        expected.remove(sealing);
    }
    let looked_at = rows("Public traits, and whether safe code can implement them");
    let missing: Vec<_> = expected.difference(&looked_at).collect();
    assert!(missing.is_empty(), "not in docs/trust.md: {missing:?}");
}
