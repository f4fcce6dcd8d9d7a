//! The check: from a schema as it was written to one that back ends can rely on.

use crate::diagnostics::{Finding, Rejected, Severity};
use crate::front::Draft;
use crate::ir::Schema;
use crate::layout::Layouts;

/// A schema that keeps every rule. It is all that back ends read.
#[derive(Debug, Clone)]
pub struct Checked {
    schema: Schema,
    layouts: Layouts,
    warnings: Vec<Finding>,
}

impl Checked {
    /// The schema.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Where each member of its types lies.
    #[must_use]
    pub fn layouts(&self) -> &Layouts {
        &self.layouts
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
    let Draft { schema, mut findings, incomplete: _ } = draft.into();
    findings.sort_by_key(|finding| {
        let span = finding.place.span;
        (span.source, span.start)
    });
    if findings.iter().any(|finding| finding.severity() == Severity::Error) {
        return Err(Rejected { sources: schema.sources, findings });
    }
    let layouts = Layouts::new(&schema);
    Ok(Checked { schema, layouts, warnings: findings })
}
