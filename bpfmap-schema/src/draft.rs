//! The result of a front end and the input of the check.

use std::collections::HashSet;

use crate::diagnostics::Finding;
use crate::ir::Schema;
use crate::syntax::Syntax;

/// A schema as far as a front end could read it, with diagnostics for the rest.
///
/// The check runs on a draft even if it has errors, so that one run reports all mistakes. But it
/// accepts only a draft without errors.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// The schema.
    pub schema: Schema,
    /// The diagnostics.
    pub findings: Vec<Finding>,
    /// Types and maps that could be read only in part: the check does not report the missing part.
    pub incomplete: Incomplete,
    /// Whether there are types and maps that the front end does not see. An unknown name may be one
    /// of these, so it is not reported.
    pub open: bool,
    /// The language that it is written in.
    pub syntax: Syntax,
    /// For an empty schema, an explanation of what was found instead.
    pub instead: Vec<String>,
}

/// The names of types and maps that a [`Draft`] has only in part.
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
