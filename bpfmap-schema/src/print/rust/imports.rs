//! Collects the items that the printed text imports from the crate `bpfmap`.

use std::collections::BTreeSet;

use crate::print::WIDTH;
use crate::type_word::RUNTIME;

/// The names of the derives, and of the type `Map`, which `Maps` uses for its fields.
const OTHERS: [&str; 4] = ["BpfMap", "BpfMaps", "BpfType", "Map"];

/// Returns the names that the types of the schema can't have, because a derive recognizes types only by the last
/// segment of their path.
pub(super) fn reserved() -> Vec<&'static str> {
    RUNTIME.iter().copied().chain(OTHERS).collect()
}

/// The names that the text uses.
#[derive(Debug, Default)]
pub(super) struct Imports(BTreeSet<&'static str>);

impl Imports {
    /// Adds `word` to the imports, and returns it.
    pub(super) fn used(&mut self, word: &'static str) -> &'static str {
        debug_assert!(reserved().contains(&word), "{word} can also be a name of the schema");
        self.0.insert(word);
        word
    }

    /// Returns `use bpfmap::{…};`, or an empty string if there is nothing to import. `root` is the text before the name
    /// of the crate.
    pub(super) fn line(&self, root: &str) -> String {
        let words: Vec<&str> = self.0.iter().copied().collect();
        match words.as_slice() {
            [] => String::new(),
            [word] => format!("use {root}bpfmap::{word};\n"),
            words => {
                let line = format!("use {root}bpfmap::{{{}}};\n", words.join(", "));
                if line.len() <= WIDTH + 1 { line } else { several_lines(root, words) }
            }
        }
    }
}

fn several_lines(root: &str, words: &[&str]) -> String {
    let mut text = format!("use {root}bpfmap::{{\n");
    let mut line = "   ".to_owned();
    for word in words {
        if line.len() + word.len() + 2 > WIDTH {
            text.push_str(&line);
            text.push('\n');
            "   ".clone_into(&mut line);
        }
        line.push(' ');
        line.push_str(word);
        line.push(',');
    }
    text.push_str(&line);
    text.push_str("\n};\n");
    text
}
