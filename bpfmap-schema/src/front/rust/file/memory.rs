//! Estimates the memory that is needed to read a file, so that an untrusted file can't use too much memory.
//!
//! A token can need a hundred times the memory of its text, and a parsed element of a list can need a thousand times as
//! much. The factors were measured, and `tests/memory.rs` compares them with the real use of memory.

use std::cell::Cell;

use proc_macro2::{TokenStream, TokenTree};

/// The memory limit for reading one file, in bytes.
const OF_A_FILE: u64 = 52 << 20;

/// The memory that is still available for a file.
#[derive(Default)]
pub(super) struct Room(Cell<u64>);

impl Room {
    /// Returns the memory that is available in addition to the tokens of the file `text`. Returns `None` if the tokens
    /// alone exceed the limit.
    pub(super) fn for_text(text: &str) -> Option<Self> {
        OF_A_FILE.checked_sub(of_tokens(text)).map(|rest| Self(Cell::new(rest)))
    }

    /// Subtracts `bytes` from the available memory, which can't become negative. Returns whether any memory is left.
    pub(super) fn take(&self, bytes: u64) -> bool {
        let rest = self.0.get().checked_sub(bytes);
        self.0.set(rest.unwrap_or(0));
        rest.is_some_and(|rest| rest > 0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.get() == 0
    }
}

/// Returns the maximum number of bytes that the tokens of `text` need.
fn of_tokens(text: &str) -> u64 {
    let mut bytes = 0;
    let mut goes_on = false;
    let text = text.as_bytes();
    for (place, byte) in text.iter().enumerate() {
        let is_word = byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
        bytes += match byte {
            _ if is_word && goes_on => 0,
            _ if is_word => 128,
            // A doc comment becomes an attribute, `#[doc = ""]`.
            b'/' if matches!(
                text.get(place..place + 3),
                Some(b"///" | b"//!" | b"/**" | b"/*!")
            ) =>
            {
                560
            }
            b'(' | b'[' | b'{' => 192,
            _ if byte.is_ascii_whitespace() || byte.is_ascii_control() => 0,
            _ => 96,
        };
        goes_on = is_word;
    }
    bytes
}

/// Returns the memory that an item with these tokens needs after it has been parsed, in bytes.
pub(super) fn of_item(tokens: &[TokenTree]) -> u64 {
    let mut bytes = 1500;
    let all: TokenStream = tokens.iter().cloned().collect();
    let mut pending = vec![all.into_iter()];
    while let Some(tokens) = pending.last_mut() {
        let Some(token) = tokens.next() else {
            pending.pop();
            continue;
        };
        bytes += match token {
            TokenTree::Punct(punct) => match punct.as_char() {
                ',' => 2100,
                '#' => 1100,
                _ => 80,
            },
            TokenTree::Group(group) => {
                pending.push(group.stream().into_iter());
                200
            }
            TokenTree::Ident(_) | TokenTree::Literal(_) => 80,
        };
    }
    bytes
}
