//! The check, which turns a schema into a [`Checked`] schema that back ends can rely on.
//!
//! The rules get the facts about map types from the table in [`bpfmap_core`]. No rule depends on a particular map type.

mod c_names;
mod context;
mod findings;
mod flags;
mod history;
mod implied;
mod maps;
mod names;
mod references;
mod requirements;
mod resolved;
mod special_fields;
mod types;

use context::Context;
use findings::Findings;
#[cfg(feature = "import")]
pub(crate) use maps::left_out;
pub use requirements::Requirement;
pub use resolved::{Resolved, SpecialMember};
use resolved::{TypeIndex, type_index};
pub use special_fields::without_btf;

use crate::diagnostics::{Finding, Rejected, Severity};
use crate::draft::Draft;
use crate::ir::Schema;
use crate::layout::Layouts;
use crate::rules;
use crate::source::Span;
use crate::syntax::Syntax;
use crate::taken::Taken;

/// A schema that follows all rules. Back ends read only checked schemas.
#[derive(Debug, Clone)]
pub struct Checked {
    schema: Schema,
    layouts: Layouts,
    index: TypeIndex,
    warnings: Vec<Finding>,
    syntax: Syntax,
}

impl Checked {
    /// Returns the schema.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Returns the language in which the schema is written.
    #[must_use]
    pub fn syntax(&self) -> Syntax {
        self.syntax
    }

    /// Returns the layouts of all types.
    #[must_use]
    pub fn layouts(&self) -> &Layouts {
        &self.layouts
    }

    /// Returns the schema with resolved names.
    #[must_use]
    pub fn resolved(&self) -> Resolved<'_> {
        Resolved { schema: &self.schema, layouts: &self.layouts, index: &self.index }
    }

    /// Returns the warnings of the check.
    #[must_use]
    pub fn warnings(&self) -> &[Finding] {
        &self.warnings
    }
}

/// Checks a generated schema and returns the diagnostics. Leaves the schema unchanged.
#[cfg(feature = "import")]
pub(crate) fn findings(schema: &mut Schema) -> Vec<Finding> {
    let maps = schema.maps.clone();
    implied::fill(schema);
    let (layouts, index) = (Layouts::new(schema), type_index(schema));
    let resolved = Resolved { schema, layouts: &layouts, index: &index };
    let draft = Draft::default();
    let cx =
        Context::new(resolved, &draft.incomplete, (draft.open, draft.syntax), Taken::default());
    let findings = every_rule(cx).after(vec![]);
    schema.maps = maps;
    findings
}

/// Checks a schema against all rules.
///
/// # Errors
///
/// Returns all diagnostics if at least one of them is an error.
pub fn check(draft: impl Into<Draft>) -> Result<Checked, Rejected> {
    check_with(draft, Taken::default())
}

/// Checks a schema against all rules. Compares the C names of the schema with the reserved names in `taken`.
///
/// # Errors
///
/// Returns all diagnostics if at least one of them is an error.
pub fn check_with(draft: impl Into<Draft>, taken: Taken<'_>) -> Result<Checked, Rejected> {
    let Draft { mut schema, findings, incomplete, open, syntax, instead } = draft.into();
    implied::fill(&mut schema);
    let layouts = Layouts::new(&schema);
    let index = type_index(&schema);
    let resolved = Resolved { schema: &schema, layouts: &layouts, index: &index };
    let found = every_rule(Context::new(resolved, &incomplete, (open, syntax), taken));
    let mut findings = found.after(findings);
    findings.extend(empty(&schema, &findings, (open, syntax), instead));
    if findings.iter().any(|finding| finding.severity() == Severity::Error) {
        return Err(Rejected { sources: schema.sources, findings });
    }
    Ok(Checked { schema, layouts, index, warnings: findings, syntax })
}

/// Returns the diagnostic for an empty schema.
fn empty(
    schema: &Schema,
    findings: &[Finding],
    (open, syntax): (bool, Syntax),
    instead: Vec<String>,
) -> Option<Finding> {
    let (id, source) = schema.sources.entries().next()?;
    let has_some = !schema.types.is_empty() || !schema.maps.is_empty();
    if open || has_some || findings.iter().any(|finding| finding.severity() == Severity::Error) {
        return None;
    }
    let message = format!("`{}` does not declare a map or a type", source.path.display());
    let mut finding = Finding::new(&rules::EMPTY_SCHEMA, Span::new(id, 0..0), message);
    finding.notes = instead;
    Some(finding.help(syntax.begin()))
}

fn every_rule(mut cx: Context<'_>) -> Findings {
    names::check(&mut cx);
    references::check(&mut cx);
    types::check(&mut cx);
    special_fields::check_types(&mut cx);
    maps::check(&mut cx);
    history::check(&mut cx);
    cx.into_findings()
}
