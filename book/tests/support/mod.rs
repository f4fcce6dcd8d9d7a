//! The chapters, and functions that the tests of their code blocks need.

#![allow(dead_code, reason = "not every test needs all")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bpfmap_book_source::{Block, Chapter, block, chapter};
use bpfmap_codegen::generate::{Emit, Options, generate, includes};
use bpfmap_schema::check::{Checked, check};
use bpfmap_schema::front::toml::read_file;

/// Returns the root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// The environment variable that selects chapters by a part of their path. Without this variable,
/// all chapters are tested.
const ONLY: &str = "BPFMAP_CHAPTER";

/// Returns each chapter with its code blocks.
pub(crate) fn chapters() -> Vec<(Chapter, Vec<Block>)> {
    let chapters = chapter::read_all(&root()).unwrap_or_else(|problems| panic!("{problems}"));
    let with_blocks = chapters.into_iter().map(|chapter| {
        let blocks = block::blocks(&chapter).unwrap_or_else(|problems| panic!("{problems}"));
        (chapter, blocks)
    });
    let mut chapters: Vec<_> = with_blocks.collect();
    assert!(chapters.len() > 5, "{} chapters", chapters.len());
    if let Some(part) = only() {
        chapters.retain(|(chapter, _)| chapter.file.contains(&part));
        assert!(!chapters.is_empty(), "no chapter has `{part}` in its path");
    }
    chapters
}

fn only() -> Option<String> {
    std::env::var(ONLY).ok()
}

/// Fails if `count` is less than `number`, which means that the book has too few of these items.
pub(crate) fn assert_at_least(number: usize, count: usize, what: &str) {
    assert!(count >= number || only().is_some(), "only {count} {what}");
}

/// Checks a schema, and writes the files that are generated from the schema and its includes to
/// `folder`. Returns the path of the schema's Rust module.
///
/// # Errors
///
/// Returns the diagnostics, including warnings.
pub(crate) fn write_generated(schema: &Path, folder: &Path) -> Result<PathBuf, String> {
    let emit = [Emit::C, Emit::CUser, Emit::Rust];
    let options = Options { emit: emit.to_vec(), legacy: false };
    let checked = checked(schema)?;
    for include in includes(std::slice::from_ref(&checked)) {
        write_files(&self::checked(&include)?, &options.clone().for_include(), folder);
    }
    write_files(&checked, &options, folder);
    Ok(folder.join(format!("{}.rs", checked.schema().name.value)))
}

/// The page of a deprecated map type shows a schema with this map type.
const UNAVOIDABLE: &str = "deprecated-map-type";

fn checked(schema: &Path) -> Result<Checked, String> {
    let checked = check(read_file(schema)).map_err(|rejected| rejected.to_string())?;
    let warnings = checked.warnings().iter().filter(|warning| warning.rule.id != UNAVOIDABLE);
    let messages: Vec<String> = warnings
        .map(|warning| format!("warning[{}]: {}", warning.rule.id, warning.message))
        .collect();
    if messages.is_empty() { Ok(checked) } else { Err(messages.join("\n")) }
}

fn write_files(checked: &Checked, options: &Options, folder: &Path) {
    for file in generate(checked, options) {
        fs::write(folder.join(&file.name), file.contents).unwrap();
    }
}

/// Returns the sorted files directly in a directory of `docs/` whose names have this ending.
pub(crate) fn files(folder: &str, end: &str) -> Vec<PathBuf> {
    let folder = root().join("docs").join(folder);
    let entries =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.to_str().is_some_and(|path| path.ends_with(end))).collect();
    files.sort();
    files
}

/// Runs a command. If it fails, returns its standard error.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(String::from_utf8_lossy(&said).into_owned())
}

/// Fails if there are mistakes, and shows all of them.
pub(crate) fn assert_none(mistakes: &[String]) {
    assert!(mistakes.is_empty(), "\n{}", mistakes.join("\n"));
}
