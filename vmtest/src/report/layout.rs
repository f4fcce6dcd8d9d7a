//! The width of the terminal, and the text that fits into it.

use std::io::{self, IsTerminal as _};
use std::ops::Range;

use textwrap::{Options, WordSplitter, fill};

/// The width of text that is not written to a terminal.
const ELSEWHERE: usize = 120;
/// The smallest width that reports use.
const NARROWEST: usize = 40;

/// If a table has more rows than this, rows with the same results are folded.
pub(super) const LONG: usize = 30;

/// Returns the width of the terminal that the standard output is connected to. Returns `None` if
/// the standard output is not a terminal.
fn terminal_columns() -> Option<usize> {
    let stdout = io::stdout();
    let size = if stdout.is_terminal() {
        rustix::termios::tcgetwinsize(&stdout).ok()?
    } else {
        return None;
    };
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Returns the maximum width of a table.
pub(super) fn width() -> usize {
    terminal_columns().map_or(ELSEWHERE, |columns| columns.max(NARROWEST))
}

/// Divides the columns of a table into blocks. Each block fits into `width`, together with a row
/// title that is `head` wide. A column that is too wide becomes a separate block.
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

/// Appends words, separated by commas. Each line has at most `width` columns and begins with
/// `indent` spaces.
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

/// Appends a line that consists of `head` and `line`. If the output is a terminal and the line is
/// too long, `line` is wrapped, and its further lines start in the column in which `line` starts.
/// Otherwise, the line is not wrapped, so that tools such as grep can find it.
pub fn push_line(text: &mut String, head: &str, line: &str) {
    text.push_str(&wrapped(head, line, terminal_columns()));
    text.push('\n');
}

fn wrapped(head: &str, line: &str, columns: Option<usize>) -> String {
    let indent = head.chars().count();
    // If `head` leaves too little room for `line`, the line is not wrapped.
    let columns = columns.filter(|columns| *columns >= indent + 20);
    let Some(columns) = columns else { return format!("{head}{line}") };
    let indent = " ".repeat(indent);
    let options = Options::new(columns)
        .initial_indent(head)
        .subsequent_indent(&indent)
        .break_words(false)
        .word_splitter(WordSplitter::NoHyphenation);
    fill(line, options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_do_not_fit_become_another_block() {
        assert_eq!(blocks(10, &[5, 5, 5], 25).first(), Some(&(0..3)));
        assert_eq!(blocks(10, &[5, 5, 5], 24), [0..2, 2..3]);
        assert_eq!(blocks(10, &[50, 5], 20), [0..1, 1..2]);
        assert_eq!(blocks(10, &[], 20), []);
    }

    #[test]
    fn a_long_line_continues_below_its_text() {
        let text = "The order of the entries is the same each time.";
        let lines = "zero_seed  The order of the entries is\n           the same each time.";
        assert_eq!(wrapped("zero_seed  ", text, Some(40)), lines);
        assert_eq!(wrapped("zero_seed  ", text, Some(80)), format!("zero_seed  {text}"));
        assert_eq!(wrapped("zero_seed  ", text, Some(12)), format!("zero_seed  {text}"));
        assert_eq!(wrapped("zero_seed  ", text, None), format!("zero_seed  {text}"));
    }

    #[test]
    fn words_that_do_not_fit_move_to_the_next_line() {
        let mut text = "Maps:\n".to_owned();
        list(&mut text, &["one", "two", "three", "four"], 2, 13);
        assert_eq!(text, "Maps:\n  one, two,\n  three, four\n");
    }
}
