//! The table of contents.

use std::fmt::Write as _;

use pulldown_cmark::{Event, LinkType, Tag};

use crate::chapter::{Chapter, DOCS, SUMMARY};
use crate::link::Target;
use crate::markdown::parser;
use crate::pages;
use crate::problem::{Problem, Problems};

/// Returns the table of contents, with the generated pages below their indexes.
///
/// # Errors
///
/// Fails if the table of contents lists a page that does not exist, lists a page twice, or lacks a
/// page.
pub(crate) fn complete(summary: &Chapter, pages: &[Chapter]) -> Result<Chapter, Problems> {
    let mut text = String::new();
    for line in summary.text.lines() {
        let _ = writeln!(text, "{line}");
        let Some(path) = linked(line) else { continue };
        let indent = line.len() - line.trim_start().len() + 2;
        for (title, path) in pages::below(path) {
            let _ = writeln!(text, "{:indent$}- [{title}]({path})", "");
        }
    }
    let complete = Chapter::verbatim(summary.file.clone(), text);
    let mut listed: Vec<String> = vec![];
    let mut problems = vec![];
    for (event, range) in parser(&complete.text).into_offset_iter() {
        let Event::Start(Tag::Link { dest_url, .. }) = event else { continue };
        let problem = |message: String| Problem { file: summary.file.clone(), line: 1, message };
        match Target::of(&summary.file, LinkType::Inline, &dest_url) {
            Ok(Target::File { path, .. }) => {
                if listed.contains(&path) {
                    problems.push(problem(format!("lists `{path}` twice")));
                }
                listed.push(path);
            }
            _ => problems.push(problem(format!("`{}` is not a page", &complete.text[range]))),
        }
    }
    for page in pages {
        if !listed.contains(&page.file) {
            let message = format!("is not in {DOCS}/{SUMMARY}");
            problems.push(Problem { file: page.file.clone(), line: 1, message });
        }
    }
    for path in listed {
        if !pages.iter().any(|page| page.file == path) {
            let message = format!("lists `{path}`, which does not exist");
            problems.push(Problem { file: summary.file.clone(), line: 1, message });
        }
    }
    Problems(problems).into_result()?;
    Ok(complete)
}

/// Returns the page to which an entry links.
fn linked(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("](")?;
    rest.split_once(')').map(|(path, _)| path)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn page(file: &str) -> Chapter {
        Chapter::verbatim(file.to_owned(), "# Title\n".to_owned())
    }

    fn summary(text: &str) -> Chapter {
        Chapter::new(Path::new("."), "docs/SUMMARY.md", text).unwrap()
    }

    #[test]
    fn generated_pages_are_listed_below_their_index() {
        let mut pages = vec![page("docs/changes/index.md"), page("docs/one.md")];
        pages.extend(
            pages::below("changes/index.md").iter().map(|(_, path)| page(&format!("docs/{path}"))),
        );
        let text = "# Summary\n\n- [One](one.md)\n- [Changes](changes/index.md)\n";
        let complete = complete(&summary(text), &pages).unwrap();
        assert!(
            complete.text.contains("(changes/index.md)\n  - [`map-added`](changes/map-added.md)\n")
        );
    }

    #[test]
    fn each_page_is_listed_once() {
        for (text, reason) in [
            ("- [One](one.md)\n", "docs/two.md:1: is not in"),
            ("- [One](one.md)\n- [Two](two.md)\n- [One](one.md)\n", "twice"),
            ("- [One](one.md)\n- [Two](two.md)\n- [Three](three.md)\n", "which does not exist"),
        ] {
            let pages = [page("docs/one.md"), page("docs/two.md")];
            let problems = complete(&summary(text), &pages).unwrap_err();
            assert_eq!(problems.0.len(), 1, "{problems}");
            assert!(problems.to_string().contains(reason), "{problems}");
        }
    }
}
