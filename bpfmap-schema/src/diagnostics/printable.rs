//! Untrusted text in a form that a terminal can show.

/// Replaces each character that controls a terminal or changes the text direction with a visible
/// symbol. Keeps line breaks and tabs.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\t' => character,
            // The Unicode symbols for control characters are in the same order as the characters.
            '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(character)).unwrap_or_default(),
            '\x7f' => '\u{2421}',
            '\u{80}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
            _ => character,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown() {
        assert_eq!(printable("a\x1b[31m\r\n\tb\x7f"), "a␛[31m␍\n\tb␡");
        assert_eq!(printable("\u{9b}31m\u{202e}größe"), "\u{fffd}31m\u{fffd}größe");
    }
}
