//! Checks links to pages, to headings, to other files of the repository, and to other sites.

use std::collections::HashMap;
use std::path::Path;

use pulldown_cmark::{Event, LinkType, Tag};

use crate::chapter::{Chapter, DOCS};
use crate::markdown::{headings, parser};
use crate::problem::{Problem, Problems};

/// Checks each link and image of `pages`: the target file must exist, and it must contain the
/// target heading.
///
/// `pages` also contains the pages that exist only in the book. Links to other sites are not
/// followed; only their form is checked.
///
/// # Errors
///
/// Fails if a link is broken.
pub fn check(pages: &[Chapter], root: &Path) -> Result<(), Problems> {
    let anchors: HashMap<&str, Vec<String>> = pages
        .iter()
        .map(|page| {
            let headings = headings(&page.text).into_iter();
            (page.file.as_str(), headings.map(|heading| heading.anchor).collect())
        })
        .collect();
    let mut problems = vec![];
    for page in pages {
        for (event, range) in parser(&page.text).into_offset_iter() {
            let Event::Start(
                Tag::Link { link_type, dest_url, .. } | Tag::Image { link_type, dest_url, .. },
            ) = event
            else {
                continue;
            };
            if let Err(message) = check_one(page, link_type, &dest_url, &anchors, root) {
                problems.push(page.problem(range.start, message));
            }
        }
    }
    Problems(problems).into_result()
}

fn check_one(
    page: &Chapter,
    link_type: LinkType,
    destination: &str,
    anchors: &HashMap<&str, Vec<String>>,
    root: &Path,
) -> Result<(), String> {
    let (file, anchor) = match Target::of(&page.file, link_type, destination)? {
        Target::Elsewhere => return Ok(()),
        Target::File { path, anchor } => (path, anchor),
    };
    let known = anchors.get(file.as_str());
    if known.is_none() && !root.join(&file).exists() {
        return Err(format!("`{destination}` leads to `{file}`, which does not exist"));
    }
    let Some(anchor) = anchor else { return Ok(()) };
    match known {
        Some(known) if known.contains(&anchor) => Ok(()),
        Some(_) => Err(format!("`{file}` has no heading with the anchor `#{anchor}`")),
        None => Err(format!("`{file}` is not a page, so it has no anchor `#{anchor}`")),
    }
}

/// The target of a link.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Another site.
    Elsewhere,
    /// A file or a directory of the repository.
    File {
        /// The path, relative to the root of the repository.
        path: String,
        /// The anchor of the heading, if the link has one.
        anchor: Option<String>,
    },
}

impl Target {
    /// Returns the target of a link of the page `from`.
    ///
    /// # Errors
    ///
    /// Fails if the link has an unknown form.
    pub(crate) fn of(from: &str, link_type: LinkType, destination: &str) -> Result<Self, String> {
        if link_type == LinkType::Email || destination.starts_with("mailto:") {
            return Ok(Self::Elsewhere);
        }
        if let Some((scheme, rest)) = destination.split_once("://") {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let is_good = scheme == "https"
                && host.contains('.')
                && !host.starts_with('.')
                && !destination.contains(char::is_whitespace);
            return if is_good {
                Ok(Self::Elsewhere)
            } else {
                Err(format!("`{destination}` is not an address like `https://example.com/page`"))
            };
        }
        let (path, anchor) = match destination.split_once('#') {
            Some((path, anchor)) => (path, Some(anchor.to_owned())),
            None => (destination, None),
        };
        if anchor.as_deref() == Some("") || path.is_empty() && anchor.is_none() {
            return Err("a link needs a destination".to_owned());
        }
        if path.is_empty() {
            return Ok(Self::File { path: from.to_owned(), anchor });
        }
        if path.starts_with('/') || path.contains(':') {
            return Err(format!("`{destination}` is not relative to the page"));
        }
        let mut parts: Vec<&str> = from.split('/').collect();
        parts.pop();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop().ok_or_else(|| format!("`{destination}` leaves the repository"))?;
                }
                part => parts.push(part),
            }
        }
        Ok(Self::File { path: parts.join("/"), anchor })
    }
}

/// Returns the relative path from a page of the book to a file. Both arguments are relative to the
/// root of the repository.
pub(crate) fn relative(from: &str, to: &str) -> String {
    let from: Vec<&str> = from.split('/').collect();
    let to: Vec<&str> = to.split('/').collect();
    let folders = from.len() - 1;
    let shared = from[..folders].iter().zip(&to).take_while(|(one, other)| one == other).count();
    let up = std::iter::repeat_n("..", folders - shared);
    up.chain(to[shared..].iter().copied()).collect::<Vec<_>>().join("/")
}

/// Returns a problem for each page that `text` mentions and that the book does not contain. `text`
/// is not a page itself.
///
/// Documentation comments refer to pages by their path, such as `docs/trust.md`.
#[must_use]
pub fn check_mentions(file: &str, text: &str, pages: &[Chapter], root: &Path) -> Vec<Problem> {
    let mut problems = vec![];
    for (index, line) in text.lines().enumerate() {
        for (start, _) in line.match_indices(&format!("{DOCS}/")) {
            let is_name = |c: char| c.is_ascii_alphanumeric() || "/-_.".contains(c);
            let before = line[..start].chars().next_back();
            let word = &line[start..];
            let word = &word[..word.find(|c| !is_name(c)).unwrap_or(word.len())];
            let Some(end) = word.rfind(".md") else { continue };
            let word = &word[..end + 3];
            let is_there = pages.iter().any(|page| page.file == word) || root.join(word).exists();
            // A longer path belongs to another project. A path such as `docs/map-types/NAME.md` is
            // a placeholder.
            let is_ours = !before.is_some_and(|c| is_name(c) && c != '/')
                && !word.chars().any(|c| c.is_ascii_uppercase());
            if is_ours && !is_there {
                let message = format!("refers to `{word}`, but the book has no such page");
                problems.push(Problem { file: file.to_owned(), line: index + 1, message });
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(file: &str, text: &str) -> Chapter {
        Chapter::new(Path::new("."), file, text).unwrap()
    }

    #[test]
    fn links_lead_to_files_and_headings() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("other.c"), "").unwrap();
        let pages = |link: &str| {
            [
                page("docs/a/one.md", &format!("# One\n\n[text]({link})\n")),
                page("docs/two.md", "# Two\n\n## `Part` of it\n"),
            ]
        };
        for good in [
            "https://docs.kernel.org/bpf/",
            "#one",
            "../two.md",
            "../two.md#part-of-it",
            "one.md#one",
            "../../other.c",
            "../../docs/two.md",
        ] {
            assert_eq!(check(&pages(good), folder.path()), Ok(()), "{good}");
        }
        for (bad, reason) in [
            ("two.md", "which does not exist"),
            ("../two.md#part", "no heading"),
            ("#two", "no heading"),
            ("../../other.c#x", "not a page"),
            ("../../../x", "leaves the repository"),
            ("/two.md", "not relative"),
            ("http://example.com", "not an address"),
            ("https://localhost/x", "not an address"),
            ("https://", "not an address"),
            ("javascript:x", "not relative"),
            ("", "needs a destination"),
        ] {
            let problems = check(&pages(bad), folder.path()).unwrap_err().0;
            assert_eq!(problems.len(), 1, "{bad}");
            assert_eq!(problems[0].line, 3);
            assert!(problems[0].message.contains(reason), "{bad}: {problems:?}");
        }
    }

    #[test]
    fn images_are_checked_like_links() {
        let pages = [page("docs/one.md", "![A picture](images/absent.svg)\n")];
        assert!(check(&pages, Path::new("/nonexistent")).is_err());
    }

    #[test]
    fn paths_are_relative_to_the_page() {
        assert_eq!(relative("docs/one.md", "docs/two.md"), "two.md");
        assert_eq!(relative("docs/a/one.md", "docs/two.md"), "../two.md");
        assert_eq!(relative("docs/a/one.md", "docs/a/b/two.md"), "b/two.md");
    }

    #[test]
    fn a_mentioned_page_must_exist() {
        let pages = [page("docs/one.md", "# One\n")];
        let named = |text: &str| check_mentions("x.rs", text, &pages, Path::new("/nonexistent"));
        assert_eq!(named("//! See `docs/one.md`, `docs/NAME.md` and mydocs/x.md."), []);
        assert_eq!(named("x\n// docs/two.md#part\n")[0].line, 2);
        assert_eq!(named("include_str!(\"../../docs/two.md\")").len(), 1);
    }
}
