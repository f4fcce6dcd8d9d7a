//! Converts byte offsets to lines and columns.

/// A line and column in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The number of the line, from 1. A line ends with LF or CRLF.
    pub line: usize,
    /// The number of the character (Unicode scalar value) in the line, from 1. A byte order mark at the beginning of
    /// the text does not count.
    pub column: usize,
}

impl Position {
    /// Returns the line and the column of the byte offset `offset` in `text`. If the offset is beyond the end or within
    /// a character, returns the last valid position before it.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Self {
        let offset = floor(text, offset);
        let line_start = line_start(text, offset);
        let line = text[..line_start].bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = text[line_start..offset].chars().count() + 1;
        Self { line, column }
    }
}

/// Returns the last character boundary of `text` at or before `offset`.
pub(super) fn floor(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len())).rfind(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Returns the byte offset at which the line that contains `offset` begins. A byte order mark is not a part of the
/// line.
pub(super) fn line_start(text: &str, offset: usize) -> usize {
    match text[..offset].rfind('\n') {
        Some(newline) => newline + 1,
        None if text[..offset].starts_with(BYTE_ORDER_MARK) => BYTE_ORDER_MARK.len_utf8(),
        None => 0,
    }
}

const BYTE_ORDER_MARK: char = '\u{feff}';

#[cfg(test)]
mod tests {
    use super::Position;

    fn at(text: &str, offset: usize) -> (usize, usize) {
        let position = Position::of(text, offset);
        (position.line, position.column)
    }

    #[test]
    fn counts_lines_and_characters_from_one() {
        let text = "ä = 1\r\nb = 2\n";
        assert_eq!(at(text, 0), (1, 1));
        assert_eq!(at(text, 2), (1, 2));
        assert_eq!(at(text, 8), (2, 1));
        assert_eq!(at(text, 12), (2, 5));
        assert_eq!(at(text, text.len()), (3, 1));
    }

    #[test]
    fn leaves_out_a_byte_order_mark() {
        assert_eq!(at("\u{feff}a = 1", 3), (1, 1));
        assert_eq!(at("\u{feff}a = 1", 0), (1, 1));
        assert_eq!(at("\u{feff}\nb", 4), (2, 1));
    }

    #[test]
    fn stays_inside_the_text() {
        assert_eq!(at("ab", 99), (1, 3));
        assert_eq!(at("aä", 2), (1, 2));
        assert_eq!(at("", 0), (1, 1));
    }
}
