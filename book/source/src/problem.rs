//! Mistakes in pages.

use std::fmt;

/// A mistake in a page, with its position.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The path of the file, relative to the root of the repository.
    pub file: String,
    /// The number of the line, from 1.
    pub line: usize,
    /// The description of the mistake, and how to correct it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// All mistakes that were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Returns `Ok` if there are no mistakes.
    ///
    /// # Errors
    ///
    /// Fails if there is a mistake.
    pub fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let end = if index + 1 < self.0.len() { "\n" } else { "" };
            write!(formatter, "{problem}{end}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
