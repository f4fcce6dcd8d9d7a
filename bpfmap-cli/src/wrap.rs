//! Wraps text at the width of the terminal.

use bpfmap_vmtest::report::terminal_columns;
use textwrap::{Options, WordSplitter, fill};

/// Appends a line that consists of `head` and `text`. If the output is a terminal and the line is
/// too long, `text` is wrapped, and its further lines start in the column in which `text` starts.
/// Otherwise, the line is not wrapped, so that tools such as grep can find it.
pub(crate) fn push_line(out: &mut String, head: &str, text: &str) {
    out.push_str(&wrapped(head, text, terminal_columns()));
    out.push('\n');
}

fn wrapped(head: &str, text: &str, columns: Option<usize>) -> String {
    let indent = head.chars().count();
    // If `head` leaves too little room for `text`, the line is not wrapped.
    let columns = columns.filter(|columns| *columns >= indent + 20);
    let Some(columns) = columns else { return format!("{head}{text}") };
    let indent = " ".repeat(indent);
    let options = Options::new(columns)
        .initial_indent(head)
        .subsequent_indent(&indent)
        .break_words(false)
        .word_splitter(WordSplitter::NoHyphenation);
    fill(text, options)
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn a_long_line_continues_below_its_text() {
        let text = "The order of the entries is the same each time.";
        let lines = "zero_seed  The order of the entries is\n           the same each time.";
        assert_eq!(wrapped("zero_seed  ", text, Some(40)), lines);
        assert_eq!(wrapped("zero_seed  ", text, Some(80)), format!("zero_seed  {text}"));
        assert_eq!(wrapped("zero_seed  ", text, Some(12)), format!("zero_seed  {text}"));
        assert_eq!(wrapped("zero_seed  ", text, None), format!("zero_seed  {text}"));
    }
}
