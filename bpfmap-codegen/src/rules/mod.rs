//! The catalogue of rules: what each asks, and why, for `bpfmap explain`.
//!
//! A rule's explanation is a Markdown file of its name in this folder. Each has an example that
//! breaks the rule and one that keeps it; a test runs both.

use crate::diagnostics::Severity;

/// Something that a schema must hold to.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its stable name, in kebab-case.
    pub id: &'static str,
    /// How bad it is to break it.
    pub severity: Severity,
    /// What it asks, in one line.
    pub title: &'static str,
    /// Why, with an example of wrong and right, in Markdown.
    pub explanation: &'static str,
}

impl Rule {
    /// The rule of this id.
    #[must_use]
    pub fn by_id(id: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|rule| rule.id == id)
    }
}

macro_rules! rules {
    ($($name:ident = $severity:ident $id:literal: $title:literal;)*) => {
        $(
            #[doc = $title]
            pub static $name: Rule = Rule {
                id: $id,
                severity: Severity::$severity,
                title: $title,
                explanation: include_str!(concat!($id, ".md")),
            };
        )*

        /// Every rule, in the order of the documentation.
        pub static ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    // The text.
    UNREADABLE_SOURCE = Error "unreadable-source": "A schema is a readable file of UTF-8 text";
    TOML_SYNTAX = Error "toml-syntax": "A schema is well-formed TOML";
    INCLUDE_CYCLE = Error "include-cycle": "A schema does not include itself";
    UNKNOWN_KEY = Error "unknown-key": "Each key is one that bpfmap knows";
    MISSING_KEY = Error "missing-key": "What every declaration needs is there";
    WRONG_KIND_OF_VALUE = Error "wrong-kind-of-value": "Each key has the kind of value it asks for";
    UNKNOWN_WORD = Error "unknown-word": "Where a key takes one of a few words, it is one of them";
    TYPE_SYNTAX = Error "type-syntax": "A type is written as in Rust";
    NUMBER_RANGE = Error "number-range": "Each number fits where it is kept";
    TYPE_AND_SIZE = Error "type-and-size": "A key or value has either a type or a bare size";
}
