//! The check: from a schema as it was written to one that back ends can rely on.
//!
//! The rules ask the facts table what a map type takes; none of them knows a map type by name.

mod implied;
mod resolved;

pub use resolved::Resolved;
use resolved::{TypeIndex, type_index};

use crate::diagnostics::{Finding, Rejected, Severity};
use crate::front::Draft;
use crate::ir::Schema;
use crate::layout::Layouts;

/// A schema that keeps every rule. It is all that back ends read.
#[derive(Debug, Clone)]
pub struct Checked {
    schema: Schema,
    layouts: Layouts,
    index: TypeIndex,
    warnings: Vec<Finding>,
}

impl Checked {
    /// The schema.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Where each member of each type lies.
    #[must_use]
    pub fn layouts(&self) -> &Layouts {
        &self.layouts
    }

    /// What its names mean.
    #[must_use]
    pub fn resolved(&self) -> Resolved<'_> {
        Resolved { schema: &self.schema, layouts: &self.layouts, index: &self.index }
    }

    /// What the check has to say, although it is no error.
    #[must_use]
    pub fn warnings(&self) -> &[Finding] {
        &self.warnings
    }
}

/// Holds a schema against every rule.
///
/// # Errors
///
/// All findings, if one of them is an error.
pub fn check(draft: impl Into<Draft>) -> Result<Checked, Rejected> {
    let Draft { mut schema, mut findings, incomplete: _ } = draft.into();
    implied::fill(&mut schema);
    let layouts = Layouts::new(&schema);
    let index = type_index(&schema);
    findings.sort_by_key(|finding| {
        let span = finding.place.span;
        (span.source, span.start)
    });
    if findings.iter().any(|finding| finding.severity() == Severity::Error) {
        return Err(Rejected { sources: schema.sources, findings });
    }
    Ok(Checked { schema, layouts, index, warnings: findings })
}
