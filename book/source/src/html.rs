//! Checks the links of the finished book, which mdBook wrote.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::problem::{Problem, Problems};

/// Pages of mdBook with links that depend on where the book is served.
const WITHOUT_PLACE: &[&str] = &["404.html"];

/// Checks that each link in the HTML below `folder` leads to an existing file, and that no page
/// loads anything from another site. If a link contains `#` and an id, also checks that the file
/// contains an element with this id.
///
/// # Errors
///
/// Fails if a link is broken, if a page loads something from another site, or if a file can't be
/// read.
pub fn check(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut pages = HashMap::new();
    collect(folder, &mut pages)?;
    let ids: HashMap<&PathBuf, HashSet<&str>> = pages
        .iter()
        .map(|(path, text)| (path, attributes(text, "id").map(|(_, id)| id).collect()))
        .collect();
    let mut problems = vec![];
    for (path, text) in &pages {
        let file = path.strip_prefix(folder).unwrap_or(path).display().to_string();
        if WITHOUT_PLACE.contains(&file.as_str()) {
            continue;
        }
        let mut problem = |start: usize, message: String| {
            let line = text[..start].matches('\n').count() + 1;
            problems.push(Problem { file: file.clone(), line, message });
        };
        for (start, source) in attributes(text, "src") {
            if source.contains("//") {
                problem(start, format!("loads `{source}` from another site"));
            }
        }
        let links = attributes(text, "href").chain(attributes(text, "src"));
        for (start, link) in
            links.filter(|(_, link)| !link.contains(':') && !link.starts_with("//"))
        {
            let (target, anchor) =
                link.split_once('#').map_or((link, None), |(it, id)| (it, Some(id)));
            let target = match target {
                "" => path.clone(),
                target => normal(&path.parent().unwrap_or(folder).join(target)),
            };
            if !target.exists() {
                problem(start, format!("links to `{link}`, which does not exist"));
            } else if let Some(anchor) = anchor.filter(|anchor| !anchor.is_empty()) {
                let known = ids.get(&target).is_some_and(|ids| ids.contains(anchor));
                if !known {
                    problem(
                        start,
                        format!("links to `{link}`, which contains no element with this id"),
                    );
                }
            }
        }
    }
    problems.sort();
    Problems(problems).into_result()?;
    Ok(())
}

fn collect(folder: &Path, pages: &mut HashMap<PathBuf, String>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, pages)?;
        } else if path.extension().is_some_and(|extension| extension == "html") {
            let text = fs::read_to_string(&path)?;
            pages.insert(path, text);
        }
    }
    Ok(())
}

/// Returns the values of an attribute, with their offsets.
fn attributes<'a>(text: &'a str, name: &str) -> impl Iterator<Item = (usize, &'a str)> + use<'a> {
    let mark = format!(" {name}=\"");
    let starts: Vec<usize> = text.match_indices(&mark).map(|(at, mark)| at + mark.len()).collect();
    starts.into_iter().filter_map(|start| {
        let value = text[start..].split('"').next()?;
        Some((start, value))
    })
}

/// Resolves each `..` in a path, and returns the resulting path.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        if part.as_os_str() == ".." {
            normal.pop();
        } else {
            normal.push(part);
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_page(body: &str) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/one.html"), body).unwrap();
        fs::write(folder.path().join("two.html"), "<h2 id=\"part\">Part</h2>").unwrap();
        check(folder.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn links_lead_to_files_and_ids() {
        for good in [
            "<a href=\"../two.html\">",
            "<a href=\"../two.html#part\">",
            "<h1 id=\"x\"><a href=\"#x\">",
            "<a href=\"https://example.com/\">",
        ] {
            assert_eq!(check_page(good), Ok(()));
        }
        for (bad, reason) in [
            ("<a href=\"two.html\">", "does not exist"),
            ("<a href=\"../two.html#x\">", "no element with this id"),
            ("<script src=\"https://example.com/x.js\">", "from another site"),
            ("<img src=\"x.svg\">", "does not exist"),
        ] {
            let error = check_page(&format!("\n{bad}")).unwrap_err();
            assert!(error.starts_with("a/one.html:2: ") && error.contains(reason), "{error}");
        }
    }
}
