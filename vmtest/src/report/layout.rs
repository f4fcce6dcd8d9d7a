//! The width of the terminal, and what fits into it.

use std::io::{self, IsTerminal as _};
use std::ops::Range;

use textwrap::{Options, WordSplitter, fill};

/// The width of text that does not go to a terminal.
const ELSEWHERE: usize = 120;
/// The smallest width that is used.
const NARROWEST: usize = 40;

/// Returns the width of the terminal to which the standard output goes, or `None` if it goes elsewhere.
#[must_use]
pub fn terminal_columns() -> Option<usize> {
    let stdout = io::stdout();
    let size = if stdout.is_terminal() {
        rustix::termios::tcgetwinsize(&stdout).ok()?
    } else {
        return None;
    };
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Returns how wide a table may be.
pub(super) fn width() -> usize {
    terminal_columns().map_or(ELSEWHERE, |columns| columns.max(NARROWEST))
}

/// Divides columns of a table into blocks that are at most `width` wide together with the `head` of a row. A column that is
/// too wide for that is a block of its own.
pub(super) fn blocks(head: usize, columns: &[usize], width: usize) -> Vec<Range<usize>> {
    let mut blocks: Vec<Range<usize>> = vec![];
    let mut used = 0;
    for (index, column) in columns.iter().enumerate() {
        match blocks.last_mut() {
            Some(block) if used + column <= width => block.end = index + 1,
            _ => {
                blocks.push(index..index + 1);
                used = head;
            }
        }
        used += column;
    }
    blocks
}

/// Appends words, separated by commas, in lines of at most `width` columns that begin with `indent` spaces.
pub(super) fn list(text: &mut String, words: &[&str], indent: usize, width: usize) {
    let indent = " ".repeat(indent);
    let options = Options::new(width)
        .initial_indent(&indent)
        .subsequent_indent(&indent)
        .break_words(false)
        .word_splitter(WordSplitter::NoHyphenation);
    text.push_str(&fill(&words.join(", "), options));
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_do_not_fit_are_another_block() {
        assert_eq!(blocks(10, &[5, 5, 5], 25).first(), Some(&(0..3)));
        assert_eq!(blocks(10, &[5, 5, 5], 24), [0..2, 2..3]);
        assert_eq!(blocks(10, &[50, 5], 20), [0..1, 1..2]);
        assert_eq!(blocks(10, &[], 20), []);
    }

    #[test]
    fn words_that_do_not_fit_are_in_the_next_line() {
        let mut text = "Maps:\n".to_owned();
        list(&mut text, &["one", "two", "three", "four"], 2, 13);
        assert_eq!(text, "Maps:\n  one, two,\n  three, four\n");
    }
}
