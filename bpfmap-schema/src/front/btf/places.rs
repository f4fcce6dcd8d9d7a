//! Where the parts of an imported schema stand.
//!
//! An object file has no lines. Findings about it point into a list of what was read, a line for each
//! map, type and member: `type.member`.

use std::path::Path;

use crate::source::{SourceId, SourceMap, Span};

/// The list, as it grows.
pub(super) struct Places {
    source: SourceId,
    text: String,
    owners: Vec<Owner>,
    /// Where lines of an owner, by its number, begin; in ascending order.
    starts: Vec<(usize, usize)>,
}

/// Whose part a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    /// A map, by its name.
    Map(String),
    /// A type, by its name.
    Type(String),
}

impl Places {
    pub(super) fn new(sources: &mut SourceMap, path: &Path) -> Self {
        Self { source: sources.add(path, ""), text: String::new(), owners: vec![], starts: vec![] }
    }

    /// Begins what belongs to `owner`, and gives the place of its name.
    pub(super) fn begin(&mut self, owner: Owner) -> Span {
        let name = match &owner {
            Owner::Map(name) | Owner::Type(name) => name.clone(),
        };
        self.starts.push((self.text.len(), self.owners.len()));
        self.owners.push(owner);
        self.line(&name)
    }

    /// Returns the number of the owner whose lines are written now.
    pub(super) fn owner(&self) -> Option<usize> {
        self.starts.last().map(|(_, owner)| *owner)
    }

    /// Goes on with the lines of an owner, after those of a type that it holds.
    pub(super) fn resume(&mut self, owner: Option<usize>) {
        self.starts.extend(owner.map(|owner| (self.text.len(), owner)));
    }

    /// Returns a line of what was begun, or resumed, last.
    pub(super) fn line(&mut self, path: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(path);
        let end = self.text.len();
        self.text.push('\n');
        Span::new(self.source, start..end)
    }

    /// Hands the list to the sources that findings are shown with.
    pub(super) fn finish(self, sources: &mut SourceMap) -> Owners {
        sources.set_text(self.source, self.text);
        Owners { source: self.source, all: self.owners, starts: self.starts }
    }
}

/// Whose part each place is.
pub(super) struct Owners {
    source: SourceId,
    all: Vec<Owner>,
    starts: Vec<(usize, usize)>,
}

impl Owners {
    pub(super) fn of(&self, span: Span) -> Option<&Owner> {
        if span.source != Some(self.source) {
            return None;
        }
        let after = self.starts.partition_point(|(start, _)| *start <= span.start);
        let (_, owner) = self.starts[after.checked_sub(1)?];
        Some(&self.all[owner])
    }
}
