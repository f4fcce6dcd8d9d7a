//! The rules of a map type for sizes and numbers. The check of a schema reports violations of these rules. If only the
//! compiler knows the types of a map, generated code checks the same rules at compile time.
//!
//! Each function returns `None` if the map follows the rule.

mod fields;
mod handle;
mod numbers;
mod sizes;

pub use fields::*;
pub use handle::*;
pub use numbers::*;
pub use sizes::*;

use crate::Text;
use crate::map_type::MapType;

/// A violation of a rule.
#[derive(Debug, Clone, Copy)]
pub struct Violation {
    /// The ID of the rule in kebab-case, for `bpfmap explain`.
    pub rule: &'static str,
    /// The message, which states what was expected and what was found.
    pub message: Text,
    /// The help, which tells users what to do. It can be empty.
    pub help: Text,
}

impl Violation {
    const fn new(rule: &'static str, message: &Text, help: &str) -> Self {
        Self { rule, message: *message, help: Text::of(help) }
    }

    /// Returns the message, the help and the ID of the rule on separate lines, in the format of the notes in the
    /// compiler's own messages. An empty help is left out.
    #[must_use]
    pub const fn sentence(&self) -> Text {
        let help = self.help.as_str();
        let text = self.message;
        let text = if help.is_empty() { text } else { text.and("\n  = help: ").and(help) };
        text.and("\n  = rule: ").and(self.rule).and(" (`bpfmap explain ").and(self.rule).and("`)")
    }
}

/// Checks at compile time that there is no violation.
///
/// # Panics
/// Panics at compile time if there is a violation.
#[track_caller]
pub const fn holds(violation: Option<Violation>) {
    if let Some(violation) = violation {
        panic!("{}", violation.sentence().as_str());
    }
}

const fn of_type(row: &MapType) -> Text {
    Text::of("a map of type `").and(row.name).and("`")
}

const fn this_one_has(message: &Text, number: u64) -> Text {
    message.and(", found ").number(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map_type;
    #[test]
    fn the_text_for_the_compiler_contains_the_help_and_the_rule() {
        let violation = max_entries(&map_type::RINGBUF, 0).unwrap();
        assert_eq!(
            violation.sentence().as_str(),
            "`max_entries` of a map of type `ringbuf` must be a size in bytes that is a power of \
             two and a multiple of 4096 bytes, found 0\n  = help: write 4096\n  = rule: \
             max-entries-form (`bpfmap explain max-entries-form`)"
        );
    }
}
