//! Resolves mdBook's `{{#include PATH}}`, `{{#include PATH:ANCHOR}}` and `{{#include
//! PATH:FIRST:LAST}}`.
//!
//! mdBook prints an error and continues if a file or an anchor is missing. This module returns an
//! error instead. Lines that mark anchors are never part of the result.

use std::fs;
use std::path::Path;

const START: &str = "{{#include ";
const END: &str = "}}";

/// A text with resolved includes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) text: String,
    /// For each line of the text, the number of the line in the chapter from which it comes.
    pub(crate) lines: Vec<usize>,
}

/// The lines before and after the generated part of a page.
pub(crate) const FACTS: &str = "<!-- facts -->";
pub(crate) const END_OF_FACTS: &str = "<!-- end of facts -->";

/// Resolves the includes of a chapter in `folder`, and leaves out the generated parts.
///
/// # Errors
///
/// Returns the line number of an include that can't be resolved, and the reason.
pub(crate) fn resolve(text: &str, folder: &Path) -> Result<Resolved, (usize, String)> {
    let mut resolved = Resolved::default();
    let mut lines = text.lines().enumerate().peekable();
    while let Some((index, line)) = lines.next() {
        let number = index + 1;
        if line == FACTS {
            lines.by_ref().find(|(_, line)| *line == END_OF_FACTS).ok_or_else(|| {
                (number, format!("`{FACTS}` has no line `{END_OF_FACTS}` after it"))
            })?;
            // The empty line after the generated part belongs to it.
            lines.next_if(|(_, line)| line.is_empty());
            continue;
        }
        let Some((before, rest)) = line.split_once(START).filter(|(it, _)| !it.ends_with('\\'))
        else {
            resolved.push(line, number);
            continue;
        };
        let Some((what, after)) = rest.split_once(END) else {
            return Err((number, format!("`{START}` has no `{END}` on the same line")));
        };
        if !before.trim().is_empty() || !after.trim().is_empty() {
            return Err((number, "an include must be alone on its line".to_owned()));
        }
        for line in included(what.trim(), folder).map_err(|message| (number, message))? {
            resolved.push(&format!("{before}{line}"), number);
        }
    }
    resolved.trim_end();
    Ok(resolved)
}

impl Resolved {
    /// Removes the empty lines at the end.
    fn trim_end(&mut self) {
        while self.text.ends_with("\n\n") {
            self.text.pop();
            self.lines.pop();
        }
    }

    fn push(&mut self, line: &str, number: usize) {
        self.text.push_str(line);
        self.text.push('\n');
        self.lines.push(number);
    }
}

/// Returns the lines that replace an include.
pub(crate) fn included(what: &str, folder: &Path) -> Result<Vec<String>, String> {
    let mut parts = what.split(':');
    let path = parts.next().unwrap_or_default();
    let text = fs::read_to_string(folder.join(path))
        .map_err(|error| format!("can't include `{path}`: {error}"))?;
    let lines: Vec<&str> = match (parts.next(), parts.next(), parts.next()) {
        (None, ..) => text.lines().collect(),
        (Some(first), Some(last), None) => range(&text, first, last)
            .ok_or_else(|| format!("`{path}` has no lines {first} to {last}"))?,
        (Some(anchor), None, _) => anchored(&text, anchor).ok_or_else(|| {
            format!("`{path}` has no line `ANCHOR: {anchor}` with a matching end")
        })?,
        _ => return Err(format!("`{what}` is neither PATH, PATH:ANCHOR nor PATH:FIRST:LAST")),
    };
    let lines: Vec<String> =
        lines.into_iter().filter(|line| mark(line).is_none()).map(str::to_owned).collect();
    if lines.is_empty() {
        return Err(format!("`{what}` includes no lines"));
    }
    Ok(lines)
}

fn range<'a>(text: &'a str, first: &str, last: &str) -> Option<Vec<&'a str>> {
    let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
    let lines: Vec<&str> = text.lines().collect();
    let is_range = 0 < first && first <= last && last <= lines.len();
    is_range.then(|| lines[first - 1..last].to_vec())
}

fn anchored<'a>(text: &'a str, name: &str) -> Option<Vec<&'a str>> {
    let mut lines = text.lines();
    lines.find(|line| mark(line) == Some(Mark::Start(name)))?;
    let mut found = vec![];
    for line in lines {
        if mark(line) == Some(Mark::End(name)) {
            return Some(found);
        }
        found.push(line);
    }
    None
}

#[derive(Debug, PartialEq, Eq)]
enum Mark<'a> {
    Start(&'a str),
    End(&'a str),
}

/// Returns the anchor that a line marks.
fn mark(line: &str) -> Option<Mark<'_>> {
    let name = |rest: &'static str| {
        let (_, after) = line.split_once(rest)?;
        let name = after.trim_start();
        let end = name.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'));
        Some(&name[..end.unwrap_or(name.len())])
    };
    name("ANCHOR_END:").map(Mark::End).or_else(|| name("ANCHOR:").map(Mark::Start))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: &str = "one\n// ANCHOR: part\ntwo\n// ANCHOR: inner\nthree\n// ANCHOR_END: inner\n// ANCHOR_END: part\nfour\n";

    fn resolve_in_folder(text: &str) -> Result<Resolved, (usize, String)> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("program.c"), PROGRAM).unwrap();
        resolve(text, folder.path())
    }

    #[test]
    fn files_anchors_and_ranges_are_included() {
        for (include, expected) in [
            ("program.c", "one\ntwo\nthree\nfour\n"),
            ("program.c:part", "two\nthree\n"),
            ("program.c:inner", "three\n"),
            ("program.c:1:3", "one\ntwo\n"),
        ] {
            let text = format!("before\n{{{{#include {include}}}}}\nafter\n");
            let resolved = resolve_in_folder(&text).unwrap();
            assert_eq!(resolved.text, format!("before\n{expected}after\n"));
            let lines = expected.lines().map(|_| 2);
            let lines: Vec<usize> = [1].into_iter().chain(lines).chain([3]).collect();
            assert_eq!(resolved.lines, lines);
        }
        let escaped = "\\{{#include x}}\n";
        assert_eq!(resolve_in_folder(escaped).unwrap().text, escaped);
    }

    #[test]
    fn generated_parts_are_left_out() {
        let text = format!(
            "# Page\n\n{FACTS}\n| a |\n{END_OF_FACTS}\n\n## Use\n\nText.\n\n{FACTS}\nmore\n{END_OF_FACTS}\n"
        );
        let resolved = resolve_in_folder(&text).unwrap();
        assert_eq!(resolved.text, "# Page\n\n## Use\n\nText.\n");
        assert_eq!(resolved.lines, [1, 2, 7, 8, 9]);
        let (line, message) = resolve_in_folder(&format!("\n{FACTS}\n| a |\n")).unwrap_err();
        assert_eq!(line, 2);
        assert!(message.contains(END_OF_FACTS), "{message}");
    }

    #[test]
    fn missing_files_and_anchors_are_errors_with_their_line() {
        for (include, reason) in [
            ("{{#include absent.c}}", "can't include `absent.c`"),
            ("{{#include program.c:absent}}", "has no line `ANCHOR: absent`"),
            ("{{#include program.c:7:9}}", "has no lines 7 to 9"),
            ("{{#include program.c", "has no `}}`"),
            ("text {{#include program.c}}", "alone on its line"),
        ] {
            let (line, message) = resolve_in_folder(&format!("\n{include}\n")).unwrap_err();
            assert_eq!(line, 2);
            assert!(message.contains(reason), "{message}");
        }
    }
}
