//! Assembles the directory from which mdBook makes the book.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::Path;

use pulldown_cmark::{CodeBlockKind, Event, LinkType, Tag};

use crate::chapter::{self, Chapter, DOCS, SUMMARY};
use crate::link::{Target, relative};
use crate::markdown::parser;
use crate::problem::{Problem, Problems};
use crate::{block, link, pages, summary};

/// The directory in the book that contains copies of the repository's files to which pages link.
const REPOSITORY: &str = "repository";

/// Writes the pages of the repository at `root` to the directory `folder`. The previous content of
/// the directory is removed.
///
/// # Errors
///
/// Fails if a page has a mistake, if a link is broken, or if a file can't be read or written.
pub fn assemble(root: &Path, folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let chapters = chapter::read_all(root)?;
    check_map_types(&chapters)?;
    let pages = pages::all(chapters);
    link::check(&pages, root)?;
    let contents =
        chapter::read(root, &format!("{DOCS}/{SUMMARY}")).map_err(|it| Problems(vec![it]))?;
    let contents = summary::complete(&contents, &pages)?;

    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let write = |file: &str, text: &[u8]| -> std::io::Result<()> {
        let path = folder.join(file.strip_prefix(&format!("{DOCS}/")).unwrap_or(file));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)
    };
    write(&contents.file, contents.text.as_bytes())?;
    let mut linked = BTreeSet::new();
    for page in &pages {
        let text = for_readers(page, root, &mut linked)?;
        write(&page.file, text.as_bytes())?;
    }
    for file in
        chapter::files(root, DOCS)?.iter().filter(|file| !chapter::has_extension(file, "md"))
    {
        write(file, &fs::read(root.join(file))?)?;
    }
    for file in linked {
        write(&copy_of(&file), &fs::read(root.join(&file))?)?;
    }
    Ok(())
}

/// Checks that each map type has a chapter.
fn check_map_types(chapters: &[Chapter]) -> Result<(), Problems> {
    let missing = pages::map_types_without_chapter(chapters).into_iter().map(|file| Problem {
        file,
        line: 1,
        message: "does not exist: each map type needs a chapter".to_owned(),
    });
    Problems(missing.collect()).into_result()
}

/// Returns the path of the book's copy of a file of the repository. Browsers show the copy as text.
fn copy_of(file: &str) -> String {
    // mdBook changes `.md` in links to `.html`, even before `.txt`.
    format!("{DOCS}/{REPOSITORY}/{}.txt", file.trim_end_matches(".md"))
}

/// Returns a page in the form for mdBook: without hidden blocks, with info strings that contain
/// only the language, and with links to copies of files outside of `docs/`. These files are added
/// to `linked`.
fn for_readers(
    page: &Chapter,
    root: &Path,
    linked: &mut BTreeSet<String>,
) -> Result<String, Problems> {
    let mut edits: Vec<(Range<usize>, String)> = vec![];
    let mut problems = vec![];
    let mut comment = None;
    for (event, range) in parser(&page.text).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                let shown = info.split_whitespace().next().unwrap_or_default();
                let start = page.text[range.clone()].find(&*info).map(|at| range.start + at);
                if let Some(start) = start.filter(|_| shown.len() < info.len()) {
                    edits.push((start..start + info.len(), shown.to_owned()));
                }
            }
            Event::Start(Tag::HtmlBlock) => comment = Some(range),
            Event::Html(html) => {
                if let Some(range) = comment.take().filter(|_| block::is_hidden(&html)) {
                    edits.push((range, String::new()));
                }
            }
            Event::Start(
                Tag::Link { link_type, dest_url, .. } | Tag::Image { link_type, dest_url, .. },
            ) => {
                let Ok(Target::File { path, anchor }) =
                    Target::of(&page.file, link_type, &dest_url)
                else {
                    continue;
                };
                if path.starts_with(&format!("{DOCS}/")) {
                    continue;
                }
                let message = match (link_type, anchor) {
                    _ if !root.join(&path).is_file() => "is not a file: link to a file instead",
                    (_, Some(_)) => {
                        "is outside of `docs/`: remove the `#` and the heading from the link"
                    }
                    (LinkType::Inline, None) => {
                        if let Some(at) = page.text[range.clone()].rfind(&*dest_url) {
                            let start = range.start + at;
                            let copy = relative(&page.file, &copy_of(&path));
                            edits.push((start..start + dest_url.len(), copy));
                        }
                        linked.insert(path);
                        continue;
                    }
                    _ => "is outside of `docs/`: write the link as `[text](path)`",
                };
                problems.push(Problem {
                    file: page.file.clone(),
                    line: page.line(range.start),
                    message: format!("`{path}` {message}"),
                });
            }
            _ => {}
        }
    }
    Problems(problems).into_result()?;
    let mut text = page.text.clone();
    edits.sort_by_key(|(range, _)| range.start);
    for (range, replacement) in edits.into_iter().rev() {
        text.replace_range(range, &replacement);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, root: &Path) -> (Result<String, Problems>, BTreeSet<String>) {
        let mut linked = BTreeSet::new();
        let page = Chapter::new(root, "docs/a/page.md", text).unwrap();
        (for_readers(&page, root, &mut linked), linked)
    }

    #[test]
    fn a_map_type_without_a_chapter_is_an_error() {
        let problems = check_map_types(&[]).unwrap_err();
        assert!(problems.to_string().contains("docs/map-types/hash.md:1: does not exist"));
    }

    #[test]
    fn readers_get_neither_options_nor_hidden_blocks() {
        let text = "# Page\n\n```toml file=x.toml\na = 1\n```\n\n<!-- run sh\ntrue\n-->\n\n```rust,no_run\nx\n```\n";
        let expected = "# Page\n\n```toml\na = 1\n```\n\n\n```rust,no_run\nx\n```\n";
        assert_eq!(shown(text, Path::new(".")).0.unwrap(), expected);
    }

    #[test]
    fn links_out_of_the_book_lead_to_copies() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("ci")).unwrap();
        fs::write(root.path().join("ci/gitlab.yml"), "").unwrap();
        let (text, linked) =
            shown("See [`gitlab`](../../ci/gitlab.yml) or [x](y.md).\n", root.path());
        assert_eq!(
            text.unwrap(),
            "See [`gitlab`](../repository/ci/gitlab.yml.txt) or [x](y.md).\n"
        );
        assert_eq!(linked.into_iter().collect::<Vec<_>>(), ["ci/gitlab.yml"]);
        for (bad, reason) in [
            ("[x](../../ci)", "is not a file"),
            ("[x](../../ci/gitlab.yml#y)", "remove the `#` and the heading"),
            ("[x][y]\n\n[y]: ../../ci/gitlab.yml\n", "write the link as `[text](path)`"),
        ] {
            let problems = shown(bad, root.path()).0.unwrap_err();
            assert!(problems.to_string().contains(reason), "{problems}");
        }
    }
}
