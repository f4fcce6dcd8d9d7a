//! Converts text to tokens, and finds tokens that would be too expensive to parse.

use std::ops::Range;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The maximum nesting depth of an item. Each bracket counts as a level. Within brackets, each token up to the next
/// comma or semicolon counts as a level too. The result is an upper bound of the parser's recursion depth.
pub(super) const MAX_DEPTH: usize = 256;

/// The maximum length of a number literal, in characters. Every 128-bit integer is shorter, in any base and with `_`.
/// The limit is necessary because the time to parse a number grows with the square of its length.
const MAX_NUMBER: usize = 256;

/// Returns the tokens of a file, or the position at which the file is not valid Rust.
pub(super) fn lex(text: &str) -> Result<TokenStream, Range<usize>> {
    blank_start(text).parse().map_err(|error: proc_macro2::LexError| error.span().byte_range())
}

/// Returns `text` with a byte order mark and a `#!` line replaced by spaces, so that all byte
/// offsets stay the same.
fn blank_start(text: &str) -> String {
    let rest = text.trim_start_matches('\u{feff}');
    let is_script = rest.starts_with("#!") && !rest[2..].trim_start().starts_with('[');
    let start = if is_script { rest.find('\n').unwrap_or(rest.len()) } else { 0 };
    let blank = text.len() - rest.len() + start;
    format!("{}{}", " ".repeat(blank), &rest[start..])
}

/// Returns whether `tokens` are nested deeper than [`MAX_DEPTH`] or contain a number longer than
/// [`MAX_NUMBER`].
pub(super) fn is_too_deep(tokens: &[TokenTree]) -> bool {
    let all: TokenStream = tokens.iter().cloned().collect();
    let mut stack = vec![(all.into_iter(), 0, 0)];
    let mut before_was_hash = false;
    while let Some((tokens, base, run)) = stack.last_mut() {
        let Some(token) = tokens.next() else {
            stack.pop();
            continue;
        };
        let is_attribute = before_was_hash
            && matches!(&token, TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket);
        before_was_hash = false;
        match token {
            TokenTree::Punct(punct) if matches!(punct.as_char(), ',' | ';') => *run = 0,
            // Consecutive attributes do not add to the depth, because the parser reads them in a
            // loop.
            TokenTree::Punct(punct) if punct.as_char() == '#' => before_was_hash = true,
            TokenTree::Group(group) => {
                if !is_attribute {
                    *run += 1;
                }
                let depth = *base + *run + 1;
                if depth > MAX_DEPTH {
                    return true;
                }
                stack.push((group.stream().into_iter(), depth, 0));
            }
            token => {
                *run += 1;
                if is_long_number(&token) || *base + *run > MAX_DEPTH {
                    return true;
                }
            }
        }
    }
    false
}

fn is_long_number(token: &TokenTree) -> bool {
    let TokenTree::Literal(literal) = token else { return false };
    let text = literal.to_string();
    text.len() > MAX_NUMBER && text.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn too_deep(text: &str) -> bool {
        is_too_deep(&lex(text).unwrap().into_iter().collect::<Vec<_>>())
    }

    #[test]
    fn byte_offsets_stay_the_same() {
        assert_eq!(blank_start("\u{feff}#!/bin/x\nuse a;"), format!("{}\nuse a;", " ".repeat(11)));
        assert_eq!(blank_start("#![deny(x)]"), "#![deny(x)]");
        assert_eq!(lex("a \u{0}").unwrap_err().start, 2);
    }

    #[test]
    fn items_that_the_parser_would_recurse_into_too_deeply_are_found() {
        let fields = "a: [u8; 4], ".repeat(1000);
        assert!(!too_deep(&format!("struct A {{ {fields} }}")));
        assert!(!too_deep(&"#[doc = \"x\"] ".repeat(1000)));
        assert!(too_deep(&format!("type A = {}u8;", "&".repeat(300))));
        assert!(too_deep(&format!("const A: u8 = 1{};", " + 1".repeat(200))));
        assert!(too_deep(&format!("const A: u8 = {};", "1".repeat(300))));
        assert!(!too_deep(&format!("const A: &str = \"{}\";", "1".repeat(300))));
        let arrays = format!("{}u8{}", "[".repeat(150), "; 1]".repeat(150));
        assert!(too_deep(&format!("struct A {{ a: {arrays} }}")));
    }
}
