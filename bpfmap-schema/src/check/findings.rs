//! Collects the diagnostics of the rules and limits how many of them are shown.

use crate::diagnostics::{Finding, Severity};
use crate::rules;
use crate::source::Span;

/// The maximum number of diagnostics that one run reports.
const SHOWN: usize = 500;

/// The maximum number of diagnostics of each severity that are kept in memory. Further diagnostics are only counted,
/// because a diagnostic takes much more memory than the text that causes it.
const KEPT: usize = 8 * SHOWN;

/// The diagnostics that were found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    kept: Vec<Finding>,
    warnings: usize,
    errors: usize,
}

impl Findings {
    pub(super) fn push(&mut self, finding: Finding) {
        let count = match finding.severity() {
            Severity::Warning => &mut self.warnings,
            Severity::Error => &mut self.errors,
        };
        *count += 1;
        if *count <= KEPT {
            self.kept.push(finding);
        }
    }

    /// Returns the diagnostics to show, in the order of their positions. The result includes
    /// `findings`, which contains the diagnostics of the front end.
    pub(super) fn after(self, mut findings: Vec<Finding>) -> Vec<Finding> {
        let mut unshown = self.warnings + self.errors - self.kept.len();
        findings.extend(self.kept);
        findings.sort_by_key(|finding| {
            let span = finding.place.span;
            (span.source, span.start)
        });
        if findings.len() > SHOWN {
            // Errors come first, so that the limit does not drop an error in favour of a warning.
            findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
            unshown += findings.split_off(SHOWN).len();
            let message = format!("{unshown} more diagnostics are not shown");
            findings.push(Finding::new(&rules::TOO_MANY_FINDINGS, Span::NONE, message));
        }
        findings
    }
}
