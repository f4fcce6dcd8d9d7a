//! Creates source positions for the parts of an imported schema.
//!
//! An object file has no lines of text. So diagnostics about an object file point to a generated text, which has one
//! line for each map, type and member, such as `type.member`.

use std::path::Path;

use crate::source::{SourceId, SourceMap, Span};

/// The generated text, to which lines are added.
pub(super) struct Places {
    source: SourceId,
    text: String,
    owners: Vec<Owner>,
    /// The offsets at which the lines of each owner begin, in ascending order. Each element
    /// consists of an offset and the index of the owner.
    starts: Vec<(usize, usize)>,
}

/// The map or type to which a line belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    /// The map with this name.
    Map(String),
    /// The type with this name.
    Type(String),
}

impl Places {
    pub(super) fn new(sources: &mut SourceMap, path: &Path) -> Self {
        Self { source: sources.add(path, ""), text: String::new(), owners: vec![], starts: vec![] }
    }

    /// Begins the lines of `owner`. Returns the position of the owner's name in the text.
    pub(super) fn begin(&mut self, owner: Owner) -> Span {
        let name = match &owner {
            Owner::Map(name) | Owner::Type(name) => name.clone(),
        };
        self.starts.push((self.text.len(), self.owners.len()));
        self.owners.push(owner);
        self.line(&name)
    }

    /// Returns the index of the current owner.
    pub(super) fn owner(&self) -> Option<usize> {
        self.starts.last().map(|(_, owner)| *owner)
    }

    /// Continues with the lines of `owner`, after the lines of a type that this owner contains.
    pub(super) fn resume(&mut self, owner: Option<usize>) {
        self.starts.extend(owner.map(|owner| (self.text.len(), owner)));
    }

    /// Adds a line for the current owner. Returns the position of the line.
    pub(super) fn line(&mut self, path: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(path);
        let end = self.text.len();
        self.text.push('\n');
        Span::new(self.source, start..end)
    }

    /// Moves the generated text into `sources`, from which diagnostics are displayed.
    pub(super) fn finish(self, sources: &mut SourceMap) -> Owners {
        sources.set_text(self.source, self.text);
        Owners { source: self.source, all: self.owners, starts: self.starts }
    }
}

/// The owner of each position in the generated text.
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
