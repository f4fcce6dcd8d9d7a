//! The rules of a map type for sizes and numbers. `check` reports violations in a schema. The
//! compiler reports them for a map whose types only the compiler knows.
//!
//! Each function returns `None` if the rule is followed.

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
    /// The id of the rule in kebab-case, for `bpfmap explain`.
    pub rule: &'static str,
    /// The message: what was found and what is expected.
    pub message: Text,
    /// The help: what to do.
    pub help: Text,
}

impl Violation {
    const fn new(rule: &'static str, message: &Text, help: &str) -> Self {
        Self { rule, message: *message, help: Text::of(help) }
    }

    /// Returns the message, the help if there is any, and the rule, each on a line of its own. The
    /// format is that of the notes below the compiler's own messages.
    #[must_use]
    pub const fn sentence(&self) -> Text {
        let help = self.help.as_str();
        let text = self.message;
        let text = if help.is_empty() { text } else { text.and("\n  = help: ").and(help) };
        text.and("\n  = rule: ").and(self.rule).and(" (`bpfmap explain ").and(self.rule).and("`)")
    }
}

/// Checks at compile time that no rule is broken.
///
/// # Panics
/// Panics at compile time if the rule is broken.
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
    message.and(", this one has ").number(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map_type;
    #[test]
    fn the_compiler_says_what_to_do_and_which_rule_is_broken() {
        let violation = max_entries(&map_type::RINGBUF, 0).unwrap();
        assert_eq!(
            violation.sentence().as_str(),
            "`max_entries` of a map of type `ringbuf` must be a size in bytes that is a power of two and a multiple of 4096 \
             bytes, this one has 0\n  = help: write 4096\n  = rule: max-entries-form (`bpfmap explain max-entries-form`)"
        );
    }
}
