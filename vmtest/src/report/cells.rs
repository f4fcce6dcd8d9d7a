//! The table of tests by kernels in which several tests share a row. It shows what works, what a
//! kernel refuses and why, and what went wrong.
//!
//! A test that finds that the kernel refuses an operation as expected reports that by the note
//! `refused.OPERATION=ERRNO, REASON`.

use super::escape::{log_lines, terminal};
use super::grid::version_key;
use crate::event::{Outcome, TestResult};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Draws a table of the tests for which `row` returns the title of a row. The tests of one row
/// share one cell for each kernel.
pub fn draw<'t>(
    tests: impl IntoIterator<Item = &'t TestResult>,
    row: impl Fn(&TestResult) -> Option<String>,
) -> String {
    let mut kernels: Vec<&str> = vec![];
    let mut cells: BTreeMap<String, BTreeMap<&str, Cell<'_>>> = BTreeMap::new();
    for test in tests {
        let Some(row) = row(test).map(|row| terminal(&row)) else { continue };
        if !kernels.contains(&test.kernel.as_str()) {
            kernels.push(&test.kernel);
        }
        cells.entry(row).or_default().entry(&test.kernel).or_default().add(test);
    }
    kernels.sort_by_key(|kernel| version_key(kernel));
    let mut footnotes = Footnotes::default();
    let mut lines = vec![];
    for (row, cells) in &cells {
        let cells = kernels.iter().map(|kernel| match cells.get(kernel) {
            Some(cell) => cell.show(&mut footnotes),
            // A row without a test that ran proves nothing.
            None => "NOT RUN".to_owned(),
        });
        lines.push((row.as_str(), cells.collect::<Vec<_>>()));
    }
    log_lines(&(lay_out(&kernels, &lines) + &footnotes.show()))
}

/// All tests of one row on one kernel.
#[derive(Default)]
struct Cell<'a> {
    passed: usize,
    skipped: usize,
    red: usize,
    refusals: Vec<Refusal<'a>>,
}

/// An operation that the kernel refuses as expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Refusal<'a> {
    operation: &'a str,
    errno: &'a str,
    reason: &'a str,
}

impl<'a> Cell<'a> {
    fn add(&mut self, test: &'a TestResult) {
        match test.outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Skipped => self.skipped += 1,
            _ => self.red += 1,
        }
        for (note, text) in &test.notes {
            if let Some(operation) = note.strip_prefix("refused.")
                && let Some((errno, reason)) = text.split_once(", ")
            {
                self.refusals.push(Refusal { operation, errno, reason });
            }
        }
    }

    fn show(&self, footnotes: &mut Footnotes<'a>) -> String {
        let total = self.passed + self.skipped + self.red;
        let mut text = match self {
            Self { red: 1.., .. } => return format!("RED {}/{total}", self.red),
            Self { skipped: 1.., .. } => return format!("SKIPPED {}/{total}", self.skipped),
            _ if self.refusals.iter().any(|refusal| refusal.operation == CREATION) => {
                "refused".to_owned()
            }
            _ => format!("{} ok", self.passed),
        };
        let mut numbers: Vec<usize> =
            self.refusals.iter().map(|refusal| footnotes.number(*refusal)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        if !numbers.is_empty() {
            let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
            let _ = write!(text, " [{}]", numbers.join(","));
        }
        text
    }
}

/// The operation that is necessary for all others.
const CREATION: &str = "creation";

/// Refusals in the order of their first occurrence in the table.
#[derive(Default)]
struct Footnotes<'a> {
    refusals: Vec<Refusal<'a>>,
}

impl<'a> Footnotes<'a> {
    fn number(&mut self, refusal: Refusal<'a>) -> usize {
        let known = self.refusals.iter().position(|known| *known == refusal);
        known.unwrap_or_else(|| {
            self.refusals.push(refusal);
            self.refusals.len() - 1
        }) + 1
    }

    fn show(&self) -> String {
        let mut text = String::new();
        for (index, Refusal { operation, errno, reason }) in self.refusals.iter().enumerate() {
            let refusal = terminal(&format!("{operation}: {errno}, {reason}"));
            let _ = writeln!(text, "[{}] {refusal}", index + 1);
        }
        if text.is_empty() { text } else { format!("Refused, as it should be:\n{text}") }
    }
}

fn lay_out(kernels: &[&str], lines: &[(&str, Vec<String>)]) -> String {
    let first = lines.iter().map(|(row, _)| row.len()).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = lines.iter().map(|(_, cells)| cells[column].len());
        cells.chain([kernels[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..kernels.len()).map(width).collect();
    let line = |head: &str, cells: &mut dyn Iterator<Item = &str>| {
        let mut text = format!("{head:first$}");
        for (cell, width) in cells.zip(&widths) {
            let _ = write!(text, "  {cell:width$}");
        }
        text.trim_end().to_owned() + "\n"
    };
    let mut text = line("", &mut kernels.iter().copied());
    for (row, cells) in lines {
        text += &line(row, &mut cells.iter().map(String::as_str));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(kernel: &str, name: &str, outcome: Outcome, notes: &[(&str, &str)]) -> TestResult {
        TestResult {
            kernel: kernel.into(),
            release: String::new(),
            binary: "fixtures".into(),
            test: name.into(),
            outcome,
            reason: None,
            seconds: 0.0,
            attempts: 1,
            notes: notes
                .iter()
                .map(|(key, value)| (String::from(*key), String::from(*value)))
                .collect(),
            output: String::new(),
        }
    }

    #[test]
    fn refusals_are_footnotes_and_what_did_not_run_is_said() {
        let since = [("refused.lookup_and_delete", "ENOTSUPP, from Linux 5.14")];
        let missing = [("refused.creation", "EINVAL, from Linux 7.2")];
        let never = [("refused.delete", "EINVAL, no kernel does it for this map")];
        let tests = [
            test("6.12", "hash::flows::operations", Outcome::Passed, &[]),
            test("5.10", "hash::flows::operations", Outcome::Passed, &since),
            test("5.10", "array::totals::operations", Outcome::Passed, &never),
            test("5.10", "array::totals::fields", Outcome::Failed, &[]),
            test("5.10", "queue::jobs::operations", Outcome::Passed, &never),
            test("6.12", "queue::jobs::operations", Outcome::Passed, &missing),
        ];
        let expected = "              5.10      6.12
array.totals  RED 1/2   NOT RUN
hash.flows    1 ok [1]  1 ok
queue.jobs    1 ok [2]  refused [3]
Refused, as it should be:
[1] lookup_and_delete: ENOTSUPP, from Linux 5.14
[2] delete: EINVAL, no kernel does it for this map
[3] creation: EINVAL, from Linux 7.2
";
        let by_map =
            |test: &TestResult| test.test.rsplit_once("::").map(|(map, _)| map.replace("::", "."));
        assert_eq!(draw(&tests, by_map), expected);
    }
}
