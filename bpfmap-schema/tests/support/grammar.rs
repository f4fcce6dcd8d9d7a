//! The line between the grammar of schemas and their meaning.

/// Rules that are about the grammar. Others are about what a schema means.
pub(crate) const OF_THE_GRAMMAR: &[&str] = &[
    "missing-key",
    "number-range",
    "type-and-size",
    "type-syntax",
    "unknown-flag",
    "unknown-key",
    "unknown-map-type",
    "unknown-word",
    "wrong-kind-of-value",
];
