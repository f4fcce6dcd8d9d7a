//! Functions for tests of invalid schemas in both languages.

use bpfmap_codegen::generate::{Emit, Options, generate};
use bpfmap_schema::check::check;
use bpfmap_schema::diagnostics::{Style, render, to_json_line};
use bpfmap_schema::draft::Draft;
use proptest::prelude::*;

/// Checks a draft, and generates all files from it. Returns the rules that the draft breaks.
pub(crate) fn run(draft: Draft) -> Vec<&'static str> {
    match check(draft) {
        Ok(checked) => {
            let emit = Emit::ALL.iter().map(|(_, kind)| *kind).collect();
            for file in generate(&checked, &Options { emit, legacy: false }) {
                assert!(!file.contents.is_empty());
            }
            vec![]
        }
        Err(rejected) => {
            assert!(rejected.findings.len() <= 501);
            for finding in &rejected.findings {
                let json = to_json_line(finding, &rejected.sources);
                assert!(!json.contains('\n') && json.starts_with('{') && json.ends_with('}'));
            }
            for style in [Style::Plain, Style::Ansi] {
                assert!(!render(&rejected.findings, &rejected.sources, style).is_empty());
            }
            rejected.findings.iter().map(|finding| finding.rule.id).collect()
        }
    }
}

/// Returns two texts of these characters, and of characters that no language allows, in random
/// order. The first text is too long to be read, and the second text breaks the rule `syntax`.
pub(crate) fn garbage(letters: &str, syntax: &str, run: impl Fn(&str) -> Vec<&'static str>) {
    let mut state = 1_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize
    };
    let alphabet: Vec<char> =
        letters.chars().chain("\u{0}\u{7f}\u{e9}\u{feff}\u{1f600}".chars()).collect();
    let garbage: String = (0..1 << 20).map(|_| alphabet[random() % alphabet.len()]).collect();
    assert_eq!(run(&garbage), ["unreadable-source"]);
    let less: String = garbage.chars().take(1 << 16).collect();
    assert!(run(&less).contains(&syntax));
}

/// Returns texts that repeat each of these words many times.
pub(crate) fn repetition(pieces: &[&str], run: impl Fn(&str) -> Vec<&'static str>) {
    for piece in pieces {
        run(&piece.repeat((1 << 18) / piece.len()));
    }
}

/// Returns a schema that ends unexpectedly.
pub(crate) fn odd_places_to_end(schema: &str, run: impl Fn(&str) -> Vec<&'static str>) {
    for end in (0..schema.len()).step_by(7).filter(|end| schema.is_char_boundary(*end)) {
        run(&schema[..end]);
    }
}

/// Returns a text that is nearly a schema: valid words in the wrong order.
pub(crate) fn shuffled(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(words), 0..40).prop_map(|words| words.concat())
}
