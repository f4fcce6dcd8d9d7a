//! Differences between maps and schemas.

use core::fmt;

/// A difference between a map and a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Difference {
    /// The part that differs, such as `flags` or `value.stats[].rx_bytes`.
    pub path: String,
    /// A description of the difference, such as `offset 16, schema says 8`.
    pub text: String,
}

impl Difference {
    /// Returns a difference in the part at `path`.
    ///
    /// ```
    /// use bpfmap::verify::Difference;
    ///
    /// // The result of your own check, in the form of the other differences.
    /// let difference = Difference::new("pinning", "by_name, schema says none".to_owned());
    /// assert_eq!(difference.to_string(), "pinning: by_name, schema says none");
    /// ```
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
