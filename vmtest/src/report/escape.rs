//! Escapes text from guests, images and files for the place where the text is shown. There is one
//! function for each kind of place.

use std::fmt::Write as _;

/// Escapes text as one line on a terminal. Characters that would move the cursor, change colours,
/// ring the bell, end the line or change the direction of the text are shown as in a Rust literal.
pub(super) fn terminal(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => line.push(c),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\0'..='\x1f' | '\x7f' => {
                let _ = write!(line, "\\x{:02x}", u32::from(c));
            }
            c if c.is_control() || turns_text(c) => line.extend(c.escape_unicode()),
            c => line.push(c),
        }
    }
    line
}

/// Returns whether a character changes the direction of the text after it, or ends a line.
fn turns_text(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// Escapes a line in the log of a job on GitHub. In such a log, `::error::` at the beginning of a
/// line and `##[error]` anywhere in a line are commands.
pub(super) fn github_command(line: &str) -> String {
    let text = line.trim_start();
    let indent = &line[..line.len() - text.len()];
    let mark = if text.starts_with("::") { "\\" } else { "" };
    let mut escaped = format!("{indent}{mark}");
    for c in text.chars() {
        // Other services have similar commands, such as `##vso[`.
        if c == '#' && escaped.ends_with('#') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Escapes text in Markdown, as part of a paragraph or of a table cell. All characters that could
/// be markup are written as numeric character references. The text therefore cannot create a link,
/// an image, a mention or a cell.
pub(super) fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in terminal(text).chars() {
        match c {
            '\t' => escaped.push(' '),
            // These characters occur in the names of kernels and tests, and are not markup in the
            // middle of a name.
            c if !c.is_ascii_punctuation() || matches!(c, ',' | '-' | '(' | ')') => escaped.push(c),
            c => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
        }
    }
    escaped
}

/// Escapes the lines of a text that this process prints to its log. The log may be the log of a job
/// on GitHub.
#[must_use]
pub fn log_lines(text: &str) -> String {
    let is_github = std::env::var_os("GITHUB_ACTIONS").is_some();
    let mut escaped = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        let line = terminal(line.strip_suffix('\r').unwrap_or(line));
        escaped.push_str(&if is_github { github_command(&line) } else { line });
        escaped.push_str(end);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_text_contains_no_terminal_commands() {
        let hostile = "\u{1b}]0;title\u{7}\u{9b}2J\rover\nnext\u{202e}txt\u{2028}\0\tend";
        let shown = "\\x1b]0;title\\x07\\u{9b}2J\\rover\\nnext\\u{202e}txt\\u{2028}\\x00\tend";
        assert_eq!(terminal(hostile), shown);
        assert_eq!(terminal("Grüße, 日本 ✅ \\x"), "Grüße, 日本 ✅ \\x");
    }

    #[test]
    fn escaped_text_contains_no_github_commands() {
        assert_eq!(github_command("::error::x"), "\\::error::x");
        assert_eq!(github_command("   ::add-mask::x"), "   \\::add-mask::x");
        assert_eq!(github_command("x ##[error]y"), "x #\\#[error]y");
        assert_eq!(github_command("##vso[task]"), "#\\#vso[task]");
        assert_eq!(github_command("a::b::c # [x]"), "a::b::c # [x]");
        for line in ["###[error]", "####[error]", "#\\##[error]"] {
            assert!(!github_command(line).contains("##["), "{line}");
        }
    }

    #[test]
    fn escaped_text_contains_no_markdown_markup() {
        let hostile = "[x](http://h) ![i](u) <b> | \\| `c` *b* _i_ ~s~ @me #1 www.h.com\n# head";
        let escaped = markdown(hostile);
        let numbers = escaped.replace("&#", "").replace(';', "");
        assert!(
            !numbers.contains([
                '[', ']', '<', '>', '|', '\\', '`', '*', '_', '~', '@', '#', '.', ':', '!'
            ]),
            "{escaped}"
        );
        assert!(!escaped.contains('\n'), "{escaped}");
        assert_eq!(markdown("5.10 (a, b-c)"), "5&#46;10 (a, b-c)");
    }
}
