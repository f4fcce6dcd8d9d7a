//! The author's words, made fit for the comments of generated code.

/// The lines of `doc`, without empty ones at both ends, without white space at the end of a line,
/// and without characters that a compiler takes amiss in a comment: control characters, and those
/// that change the direction of text.
pub(super) fn lines(doc: &str) -> impl Iterator<Item = String> {
    doc.trim().lines().map(|line| {
        let line: String = line
            .chars()
            .map(|char| if char == '\t' { ' ' } else { char })
            .filter(|char| !char.is_control() && !turns_text(*char))
            .collect();
        line.trim_end().to_owned()
    })
}

/// Unicode's controls of direction, in which code can be hidden.
fn turns_text(char: char) -> bool {
    matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_what_a_compiler_refuses_in_a_comment() {
        let doc = "\n one \u{0}two\r\n\tthree\u{202e} \n\nfour\n\n";
        assert_eq!(lines(doc).collect::<Vec<_>>(), ["one two", " three", "", "four"]);
    }
}
