//! The pages of the book, and the pages beside it: links lead somewhere, and code blocks say what they are.

mod support;

use std::fs;
use std::process::Command;

use bpfmap_book_source::{Chapter, Kind, assemble, chapter, link, pages};
use saphyr::{LoadableYamlNode as _, Yaml};
use support::{assert_none, chapters, root};

#[test]
fn the_book_can_be_assembled() {
    let folder = tempfile::tempdir().unwrap();
    assemble::assemble(&root(), folder.path()).unwrap_or_else(|problems| panic!("{problems}"));
    for page in ["SUMMARY.md", "reference/schema.md", "map-types/hash.md", "rules/index.md"] {
        assert!(folder.path().join(page).is_file(), "{page}");
    }
}

#[test]
fn links_of_the_other_pages_lead_somewhere() {
    let root = root();
    let book = pages::all(chapter::read_all(&root).unwrap());
    let mut pages = book.clone();
    for file in tracked().iter().filter(|file| chapter::has_extension(file, "md")) {
        let is_fragment = file.contains("/src/") || file.contains("/tests/");
        if !is_fragment && !file.starts_with("docs/") {
            let text = fs::read_to_string(root.join(file)).unwrap();
            pages.push(Chapter::verbatim(file.clone(), text));
        }
    }
    assert!(pages.iter().any(|page| page.file == "README.md"));
    link::check(&pages, &root).unwrap_or_else(|problems| panic!("{problems}"));
}

/// The files in which a page of the book may be named.
const READ: &[&str] = &["md", "rs", "sh", "toml", "yml"];

#[test]
fn comments_name_only_pages_that_are_there() {
    let root = root();
    let book = pages::all(chapter::read_all(&root).unwrap());
    let mut mistakes = vec![];
    for file in tracked() {
        let is_read = READ.iter().any(|extension| chapter::has_extension(&file, extension));
        // The tests of this machinery name what is not there.
        if !is_read || file.starts_with("book/") {
            continue;
        }
        let Ok(text) = fs::read_to_string(root.join(&file)) else { continue };
        mistakes.extend(link::check_mentions(&file, &text, &book, &root));
    }
    assert_none(&mistakes.iter().map(ToString::to_string).collect::<Vec<_>>());
}

/// Files that nothing uses may as well be wrong.
#[test]
fn files_of_a_chapter_are_used_by_its_commands() {
    let mut mistakes = vec![];
    for (page, blocks) in chapters() {
        let runs = |kind: &Kind| matches!(kind, Kind::Commands(_) | Kind::Session(_));
        for (index, block) in blocks.iter().enumerate() {
            let Kind::File { name, .. } = &block.kind else { continue };
            let is_used = blocks[index..].iter().any(|later| runs(&later.kind));
            if !is_used && !chapter::has_extension(name, "toml") {
                let place = format!("{}:{}", page.file, block.line);
                mistakes.push(format!("{place}: no command after it uses `{name}`"));
            }
        }
    }
    assert_none(&mistakes);
}

#[test]
fn yaml_is_yaml() {
    let mut mistakes = vec![];
    for (chapter, blocks) in chapters() {
        for block in blocks.iter().filter(|block| block.kind == Kind::Yaml) {
            if let Err(error) = Yaml::load_from_str(&block.text) {
                mistakes.push(format!("{}:{}: {error}", chapter.file, block.line));
            }
        }
    }
    assert_none(&mistakes);
}

/// Returns the files that git tracks, and those that are new.
fn tracked() -> Vec<String> {
    let arguments = ["ls-files", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").current_dir(root()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut files: Vec<String> =
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    files.retain(|file| root().join(file).is_file());
    assert!(files.len() > 100);
    files
}
