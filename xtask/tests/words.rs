//! Text in this repository is plain technical English. The sources and pages contain no phrase from
//! `xtask/words.txt`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const EXTENSIONS: &[&str] = &["c", "h", "md", "rs", "toml"];

#[test]
fn no_text_has_a_phrase_of_the_list() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let list = fs::read_to_string(root.join("xtask/words.txt")).unwrap();
    let phrases = phrases(&list);
    let files = files(root);
    assert!(files.len() > 100, "only {} files", files.len());
    let mut found = vec![];
    for file in files {
        // The file may be deleted and still be in git's index, and some inputs of tests are not UTF-8.
        let Ok(text) = fs::read_to_string(root.join(&file)) else { continue };
        for (line, phrase) in find(&text, &phrases) {
            let Phrase { wrong, instead } = phrase;
            found.push(format!("{}:{line}: `{wrong}`, write: {instead}", file.display()));
        }
    }
    assert!(found.is_empty(), "see xtask/words.txt:\n{}", found.join("\n"));
}

#[test]
fn phrases_are_whole_words_in_any_case() {
    let phrases = phrases("# A comment.\nlook-up => lookup\nfor ever => forever\n");
    let text = "A Look-up.\nlook-upx, xlook-up\nfor every map\nIt waits for ever.\n";
    let lines: Vec<usize> = find(text, &phrases).map(|(line, _)| line).collect();
    assert_eq!(lines, [1, 4]);
}

struct Phrase<'a> {
    /// In lower case.
    wrong: &'a str,
    instead: &'a str,
}

/// Reads the list: a phrase and its replacement in each line, except for comments.
fn phrases(list: &str) -> Vec<Phrase<'_>> {
    let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (wrong, instead) = line.split_once(" => ").expect("a line is `PHRASE => INSTEAD`");
            assert_eq!(wrong, wrong.to_lowercase(), "phrases are in lower case");
            Phrase { wrong, instead }
        })
        .collect()
}

/// Returns the sources and pages that git tracks, relative to `root`.
fn files(root: &Path) -> Vec<PathBuf> {
    let output = Command::new("git").current_dir(root).args(["ls-files", "-z"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).unwrap();
    let files =
        listed.split('\0').filter(|name| *name != "xtask/tests/words.rs").map(PathBuf::from);
    files
        .filter(|file| {
            file.extension().is_some_and(|end| EXTENSIONS.iter().any(|known| end == *known))
        })
        .collect()
}

/// Finds each phrase in each line, and returns it with the number of the line.
fn find<'a>(
    text: &'a str,
    phrases: &'a [Phrase<'a>],
) -> impl Iterator<Item = (usize, &'a Phrase<'a>)> {
    text.lines().enumerate().flat_map(move |(index, line)| {
        let line = line.to_lowercase();
        let found = phrases.iter().filter(move |phrase| has_words(&line, phrase.wrong));
        found.map(move |phrase| (index + 1, phrase))
    })
}

/// Returns whether `words` occurs in `line` and is not a part of longer words.
fn has_words(line: &str, words: &str) -> bool {
    line.match_indices(words).any(|(start, _)| {
        let is_part = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
        let before = line[..start].chars().next_back();
        // A phrase that ends a sentence, such as `as there.`, may be followed by anything.
        let after = line[start + words.len()..].chars().next();
        let after = after.filter(|_| words.ends_with(char::is_alphanumeric));
        !is_part(before) && !is_part(after)
    })
}
