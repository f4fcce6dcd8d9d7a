//! Text in the width of the terminal.

use bpfmap_vmtest::report::terminal_columns;
use textwrap::{Options, WordSplitter, fill};

/// Appends a line. If it goes to a terminal and is too long for it, `text` continues below its own beginning, behind
/// `head`. Elsewhere a line stays one line, which tools such as grep can find.
pub(crate) fn push_line(out: &mut String, head: &str, text: &str) {
    out.push_str(&wrapped(head, text, terminal_columns()));
    out.push('\n');
}

fn wrapped(head: &str, text: &str, columns: Option<usize>) -> String {
    let indent = head.chars().count();
    // So little room is left that wrapping makes it worse.
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
