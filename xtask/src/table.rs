//! The table of maps by kernels: what works, what a kernel refuses and why, what went wrong.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bpfmap_vmtest::event::{Outcome, TestResult};

/// What stands at the head of a row for a test; tests of one row are one cell a kernel.
pub(crate) type Row = fn(&TestResult) -> Option<String>;

/// A row for each map of each schema: the fixture tests are named `SCHEMA::MAP::OPERATION`.
pub(crate) fn by_map(test: &TestResult) -> Option<String> {
    let (map, _operation) = test.test.rsplit_once("::")?;
    is_fixture(test).then(|| map.replace("::", "."))
}

/// A row for each schema, which is one for each map type and each special field.
pub(crate) fn by_map_type(test: &TestResult) -> Option<String> {
    let (schema, _) = test.test.split_once("::")?;
    is_fixture(test).then(|| schema.to_owned())
}

/// A row for each test binary but the fixtures.
pub(crate) fn by_binary(test: &TestResult) -> Option<String> {
    (!is_fixture(test)).then(|| test.binary.clone())
}

fn is_fixture(test: &TestResult) -> bool {
    FIXTURES.contains(&test.binary.as_str())
}

/// The names of the test binaries whose tests are named by schemas.
const FIXTURES: &[&str] = &["fixtures", "special_fields"];

/// Draws the table of those tests that have a row.
pub(crate) fn draw(tests: &[TestResult], row: Row) -> String {
    let mut kernels: Vec<&str> = vec![];
    let mut cells: BTreeMap<String, BTreeMap<&str, Cell<'_>>> = BTreeMap::new();
    for test in tests {
        let Some(row) = row(test) else { continue };
        if !kernels.contains(&test.kernel.as_str()) {
            kernels.push(&test.kernel);
        }
        cells.entry(row).or_default().entry(&test.kernel).or_default().add(test);
    }
    kernels.sort_by_key(|kernel| version(kernel));
    let mut footnotes = Footnotes::default();
    let mut lines = vec![];
    for (row, cells) in &cells {
        let cells = kernels.iter().map(|kernel| match cells.get(kernel) {
            Some(cell) => cell.show(&mut footnotes),
            // Nothing run is nothing proven.
            None => "NOT RUN".to_owned(),
        });
        lines.push((row.as_str(), cells.collect::<Vec<_>>()));
    }
    lay_out(&kernels, &lines) + &footnotes.show()
}

/// All tests of one row on one kernel.
#[derive(Default)]
struct Cell<'a> {
    passed: usize,
    skipped: usize,
    red: usize,
    refusals: Vec<Refusal<'a>>,
}

/// An operation that the kernel refuses, as the facts say it should.
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

/// Refusals in the order in which they first stand in the table.
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
            let _ = writeln!(text, "[{}] {operation}: {errno}, {reason}", index + 1);
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

/// Kernels in the order of their versions, others after them.
fn version(kernel: &str) -> (u32, u32) {
    let number = |text: &str| text.parse().unwrap_or(u32::MAX);
    let (major, minor) = kernel.split_once('.').unwrap_or((kernel, ""));
    (number(major), number(minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(kernel: &str, name: &str, outcome: Outcome, notes: &[(&str, &str)]) -> TestResult {
        TestResult {
            kernel: kernel.into(),
            release: String::new(),
            binary: FIXTURES[0].into(),
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
        let never = [("refused.delete", "EINVAL, no kernel does it for this map")];
        let tests = [
            test("6.12", "hash::flows::operations", Outcome::Passed, &[]),
            test("5.10", "hash::flows::operations", Outcome::Passed, &since),
            test("5.10", "array::totals::operations", Outcome::Passed, &never),
            test("5.10", "array::totals::fields", Outcome::Failed, &[]),
            test("5.10", "queue::jobs::operations", Outcome::Passed, &never),
        ];
        let expected = "              5.10      6.12
array.totals  RED 1/2   NOT RUN
hash.flows    1 ok [1]  1 ok
queue.jobs    1 ok [2]  NOT RUN
Refused, as it should be:
[1] lookup_and_delete: ENOTSUPP, from Linux 5.14
[2] delete: EINVAL, no kernel does it for this map
";
        assert_eq!(draw(&tests, by_map), expected);
        assert!(draw(&tests, by_map_type).contains("\nhash "), "{}", draw(&tests, by_map_type));
    }
}
