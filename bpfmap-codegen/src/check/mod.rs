//! The check: from a schema as it was written to one that back ends can rely on.
//!
//! The rules ask the facts table what a map type takes; none of them knows a map type by name.

mod context;
mod flags;
mod history;
mod implied;
mod maps;
mod names;
mod references;
mod requirements;
mod reserved;
mod resolved;
mod special_fields;
mod types;

use context::Context;
#[cfg(feature = "import")]
pub(crate) use maps::left_out;
pub use requirements::{Part, Requirement};
pub(crate) use reserved::is_in_uapi;
#[cfg(feature = "import")]
pub(crate) use reserved::is_kernels;
pub use resolved::{Resolved, SpecialMember};
use resolved::{TypeIndex, type_index};

use crate::diagnostics::{Finding, Rejected, Severity};
use crate::front::Draft;
use crate::ir::Schema;
use crate::layout::Layouts;
use crate::rules;
use crate::source::Span;

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
    let Draft { mut schema, mut findings, incomplete, open, syntax } = draft.into();
    implied::fill(&mut schema);
    let layouts = Layouts::new(&schema);
    let index = type_index(&schema);
    let resolved = Resolved { schema: &schema, layouts: &layouts, index: &index };
    let mut cx = Context::new(resolved, &incomplete, (open, syntax));
    names::check(&mut cx);
    references::check(&mut cx);
    types::check(&mut cx);
    special_fields::check_types(&mut cx);
    maps::check(&mut cx);
    history::check(&mut cx);
    findings.extend(cx.into_findings());
    arrange(&mut findings);
    if findings.iter().any(|finding| finding.severity() == Severity::Error) {
        return Err(Rejected { sources: schema.sources, findings });
    }
    Ok(Checked { schema, layouts, index, warnings: findings })
}

/// The most findings of one run: who has more will see the rest in the next.
const MAX_FINDINGS: usize = 500;

/// Puts findings in the order of the text.
fn arrange(findings: &mut Vec<Finding>) {
    findings.sort_by_key(|finding| {
        let span = finding.place.span;
        (span.source, span.start)
    });
    if findings.len() > MAX_FINDINGS {
        // Warnings must not push the errors out.
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
        let rest = findings.split_off(MAX_FINDINGS).len();
        let message = format!("{rest} more findings are not shown");
        findings.push(Finding::new(&rules::TOO_MANY_FINDINGS, Span::NONE, message));
    }
}
