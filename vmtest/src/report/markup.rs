//! Escapes text for HTML.

/// Replaces the special characters of HTML in a text by entities, and removes the control
/// characters that HTML does not allow.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' => escaped.push(c),
            c if c < ' ' || matches!(c, '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}') => {
                escaped.push('\u{fffd}');
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_special_character_is_left() {
        assert_eq!(
            escape("<a href=\"x\">&\u{1b}[0m\n"),
            "&lt;a href=&quot;x&quot;&gt;&amp;\u{fffd}[0m\n"
        );
    }
}
