//! The source positions of the parts of a schema.
//!
//! A front end registers each text that it reads in a [`SourceMap`], and adds [`Span`]s to its results. So a diagnostic
//! of a rule can show the text that breaks the rule, independently of the front end.

use std::path::{Path, PathBuf};

/// A text from which a schema was read.
#[derive(Debug, Clone)]
pub struct Source {
    /// The path of the file, as the user wrote it.
    pub path: PathBuf,
    /// The whole text of the file.
    pub text: String,
}

/// The ID of a [`Source`] in a [`SourceMap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(u32);

/// A range of bytes in one source.
///
/// A comparison of two parts of a schema ignores their positions: see [`Spanned`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// The text that contains the range. It is `None` for a part that is not in a text, such as a default or a schema
    /// that was created by code.
    pub source: Option<SourceId>,
    /// The offset of the first byte.
    pub start: usize,
    /// The offset after the last byte.
    pub end: usize,
}

impl Span {
    /// The span of a part that is not in a text.
    pub const NONE: Self = Self { source: None, start: 0, end: 0 };

    /// Creates the span of the byte range `range` in `source`.
    #[must_use]
    pub fn new(source: SourceId, range: std::ops::Range<usize>) -> Self {
        Self { source: Some(source), start: range.start, end: range.end }
    }
}

/// All texts from which a schema was read, including the texts of its includes.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    sources: Vec<Source>,
}

impl SourceMap {
    /// Adds a text and returns its ID.
    ///
    /// # Panics
    ///
    /// Panics if there are already 2³² sources.
    pub fn add(&mut self, path: impl Into<PathBuf>, text: impl Into<String>) -> SourceId {
        let id = SourceId(u32::try_from(self.sources.len()).expect("fewer than 2^32 sources"));
        self.sources.push(Source { path: path.into(), text: text.into() });
        id
    }

    /// Replaces the path of each text with the result of `name`.
    pub fn rename(&mut self, name: impl Fn(&Path) -> PathBuf) {
        for source in &mut self.sources {
            source.path = name(&source.path);
        }
    }

    /// Replaces the text with this ID.
    #[cfg(feature = "import")]
    pub(crate) fn set_text(&mut self, id: SourceId, text: String) {
        self.sources[id.0 as usize].text = text;
    }

    /// Returns the text with this ID.
    #[must_use]
    pub fn get(&self, id: SourceId) -> &Source {
        &self.sources[id.0 as usize]
    }

    /// Returns an iterator over all texts and their IDs, in the order in which the texts were read.
    pub fn entries(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        (0..).map(SourceId).zip(&self.sources)
    }

    /// Returns an iterator over all texts, in the order in which they were read.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter()
    }
}

/// A value and its source position. Two `Spanned` are equal if their values are equal.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// The position of the value in the source.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Creates a `Spanned` from a value and its position.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Spanned<T> {}

impl<T> From<T> for Spanned<T> {
    fn from(value: T) -> Self {
        Self { value, span: Span::NONE }
    }
}
