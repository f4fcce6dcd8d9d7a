//! Tests the pages of the book and other pages: links are not broken, and code blocks have info
//! strings.

mod support;

use std::fs;
use std::process::Command;

use bpfmap_book_source::{Chapter, Kind, assemble, chapter, link, pages, shown};
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
fn links_of_the_other_pages_are_not_broken() {
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

#[test]
fn blocks_show_the_current_files() {
    let root = root();
    let bless = std::env::var_os("BPFMAP_BLESS").is_some();
    let mut mistakes = vec![];
    for file in tracked().iter().filter(|file| chapter::has_extension(file, "md")) {
        let text = fs::read_to_string(root.join(file)).unwrap();
        match shown::refresh(&root, file, &text) {
            Ok(refreshed) if refreshed == text => {}
            Ok(refreshed) if bless => fs::write(root.join(file), refreshed).unwrap(),
            Ok(_) => mistakes.push(format!(
                "{file}: a code block differs from the file that it shows: run `BPFMAP_BLESS=1 cargo test -p \
                 bpfmap-book --test pages`"
            )),
            Err(problem) => mistakes.push(problem.to_string()),
        }
    }
    assert_none(&mistakes);
}

/// The files in the repository contain the generated parts, for readers who don't build the book.
#[test]
fn facts_in_the_files_are_current() {
    let root = root();
    let bless = std::env::var_os("BPFMAP_BLESS").is_some();
    let mut outdated = vec![];
    for page in pages::all(chapter::read_all(&root).unwrap()) {
        let has_facts = page.has_facts() && root.join(&page.file).exists();
        let is_index_of_generated_pages =
            ["docs/rules/index.md", "docs/changes/index.md"].contains(&page.file.as_str());
        if !has_facts || is_index_of_generated_pages {
            continue;
        }
        if fs::read_to_string(root.join(&page.file)).unwrap() != page.text {
            if bless {
                fs::write(root.join(&page.file), &page.text).unwrap();
            } else {
                outdated.push(format!(
                    "{}: a generated part is outdated: run `BPFMAP_BLESS=1 cargo test -p bpfmap-book --test pages`",
                    page.file
                ));
            }
        }
    }
    assert_none(&outdated);
}

/// The extensions of the files that may mention a page of the book.
const READ: &[&str] = &["md", "rs", "sh", "toml", "yml"];

#[test]
fn comments_mention_only_existing_pages() {
    let root = root();
    let book = pages::all(chapter::read_all(&root).unwrap());
    let mut mistakes = vec![];
    for file in tracked() {
        let is_read = READ.iter().any(|extension| chapter::has_extension(&file, extension));
        // The tests of these checks mention pages that do not exist.
        if !is_read || file.starts_with("book/") {
            continue;
        }
        let Ok(text) = fs::read_to_string(root.join(&file)) else { continue };
        mistakes.extend(link::check_mentions(&file, &text, &book, &root));
    }
    assert_none(&mistakes.iter().map(ToString::to_string).collect::<Vec<_>>());
}

/// A file that no command uses could contain mistakes.
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
fn yaml_blocks_are_valid_yaml() {
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

/// Returns the files that git tracks, and new files.
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
