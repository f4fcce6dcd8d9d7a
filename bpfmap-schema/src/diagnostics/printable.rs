//! Converts untrusted text to a form that a terminal can safely show.

/// Returns `text` with a visible symbol in place of each character that controls a terminal or changes the text
/// direction. Line breaks and tabs do not change.
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
    fn control_characters_become_visible_symbols() {
        assert_eq!(printable("a\x1b[31m\r\n\tb\x7f"), "a␛[31m␍\n\tb␡");
        assert_eq!(printable("\u{9b}31m\u{202e}größe"), "\u{fffd}31m\u{fffd}größe");
    }
}
