//! What a front end hands to the check.

use std::collections::HashSet;

use crate::diagnostics::Finding;
use crate::ir::Schema;
use crate::syntax::Syntax;

/// A schema as far as a front end could read it, and what it could not read.
///
/// The check goes on with it, so that all the mistakes of a schema are reported in one run. It
/// accepts only a draft without errors.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// What was read.
    pub schema: Schema,
    /// What could not be read.
    pub findings: Vec<Finding>,
    /// Types and maps of which a part could not be read: the check does not miss that part.
    pub incomplete: Incomplete,
    /// Whether there are types and maps that the front end does not see: a name that means nothing
    /// here may be one of theirs, and nothing is concluded from it.
    pub open: bool,
    /// The language that it is written in.
    pub syntax: Syntax,
    /// Where it has neither a type nor a map: what was found in place of them, and what that means.
    pub instead: Vec<String>,
}

/// Names of what a [`Draft`] has only in part.
#[derive(Debug, Clone, Default)]
pub struct Incomplete {
    /// Types.
    pub types: HashSet<String>,
    /// Maps.
    pub maps: HashSet<String>,
    /// Maps whose `max_entries` is a number that the front end does not know.
    pub max_entries: HashSet<String>,
}

impl From<Schema> for Draft {
    fn from(schema: Schema) -> Self {
        Self { schema, ..Self::default() }
    }
}
