//! What a comparison finds.

use core::fmt;

/// One thing in which a map is not what a schema says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// What differs: `flags`, `value.stats[].rx_bytes`.
    pub path: String,
    /// How: `offset 16, schema says 8`.
    pub text: String,
}

impl Difference {
    /// Returns a difference of what is at `path`.
    #[must_use]
    pub fn new(path: &str, text: String) -> Self {
        Self { path: path.to_owned(), text }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.text)
    }
}
