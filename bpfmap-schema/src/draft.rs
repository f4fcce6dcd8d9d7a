//! The result of a front end, which is the input of the check.

use std::collections::HashSet;

use crate::diagnostics::Finding;
use crate::ir::Schema;
use crate::syntax::Syntax;

/// The parts of a schema that a front end could read, with diagnostics for the other parts.
///
/// The check runs on a draft even if the draft has errors, so that one run reports all mistakes. The check returns a
/// checked schema only if the draft has no errors.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// The schema.
    pub schema: Schema,
    /// The diagnostics of the front end.
    pub findings: Vec<Finding>,
    /// The types and maps that could be read only partly. The check does not report their missing parts.
    pub incomplete: Incomplete,
    /// Whether there are types and maps that the front end does not see. If so, unknown names are not reported, because
    /// they can be names of these types and maps.
    pub open: bool,
    /// The language in which the schema is written.
    pub syntax: Syntax,
    /// For an empty schema, notes that explain what the file contains instead of maps and types.
    pub instead: Vec<String>,
}

/// The names of types and maps that are incomplete in a [`Draft`].
#[derive(Debug, Clone, Default)]
pub struct Incomplete {
    /// The names of the incomplete types.
    pub types: HashSet<String>,
    /// The names of the incomplete maps.
    pub maps: HashSet<String>,
    /// The names of the maps whose `max_entries` is a number that the front end does not know.
    pub max_entries: HashSet<String>,
}

impl From<Schema> for Draft {
    fn from(schema: Schema) -> Self {
        Self { schema, ..Self::default() }
    }
}
