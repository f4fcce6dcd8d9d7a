//! A table of tests by kernels. Several tests can share a row. The table shows what works, what a
//! kernel refuses and why, and what went wrong.
//!
//! A test may expect that a kernel refuses an operation. The test reports such a refusal with the
//! note `refused.OPERATION=ERRNO, REASON`. Below the table, each refusal is listed once, with its
//! kernels and rows. The list begins with the refusals that differ between kernels.

use super::escape::{log_lines, terminal};
use super::grid::version_key;
use super::layout::{self, LONG};
use crate::event::{Outcome, TestResult};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Draws a table of the tests for which `row` returns the title of a row. The tests with the same
/// title share one cell for each kernel. The table fits the width of the terminal.
pub fn draw<'t>(
    tests: impl IntoIterator<Item = &'t TestResult>,
    row: impl Fn(&TestResult) -> Option<String>,
) -> String {
    draw_in(layout::width(), tests, row)
}

fn draw_in<'t>(
    width: usize,
    tests: impl IntoIterator<Item = &'t TestResult>,
    row: impl Fn(&TestResult) -> Option<String>,
) -> String {
    let mut table = Table::default();
    for test in tests {
        let Some(row) = row(test).map(|row| terminal(&row)) else { continue };
        if !table.kernels.contains(&test.kernel.as_str()) {
            table.kernels.push(&test.kernel);
        }
        table.rows.entry(row).or_default().entry(&test.kernel).or_default().add(test);
    }
    table.kernels.sort_by_key(|kernel| version_key(kernel));
    log_lines(&(table.show(width) + &table.show_refusals(width)))
}

#[derive(Default)]
struct Table<'a> {
    /// The kernels, oldest first.
    kernels: Vec<&'a str>,
    rows: BTreeMap<String, BTreeMap<&'a str, Cell<'a>>>,
}

/// All tests of one row on one kernel.
#[derive(Default)]
struct Cell<'a> {
    passed: usize,
    skipped: usize,
    red: usize,
    refusals: BTreeSet<Refusal<'a>>,
}

/// An operation that the kernel refuses as expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Refusal<'a> {
    operation: &'a str,
    errno: &'a str,
    reason: &'a str,
}

/// The operation that all other operations need.
const CREATION: &str = "creation";

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
                self.refusals.insert(Refusal { operation, errno, reason });
            }
        }
    }

    /// Returns the text of the cell. `is_special` says whether the kernel refuses an operation that
    /// another kernel supports.
    fn show(&self, is_special: bool) -> String {
        let total = self.passed + self.skipped + self.red;
        match self {
            Self { red: 1.., .. } => format!("RED {}/{total}", self.red),
            Self { skipped: 1.., .. } => format!("SKIPPED {}/{total}", self.skipped),
            _ if self.refusals.iter().any(|refusal| refusal.operation == CREATION) => {
                "refused".to_owned()
            }
            _ if is_special => format!("{} ok*", self.passed),
            _ => format!("{} ok", self.passed),
        }
    }
}

impl<'a> Table<'a> {
    /// Returns the rows. A row has a title, and a cell for each kernel.
    fn rows(&self) -> Vec<(&str, Vec<String>)> {
        let shown = |cells: &BTreeMap<&str, Cell<'a>>| {
            let is_special = |cell: &Cell<'_>| {
                let everywhere = |refusal: &Refusal<'_>| {
                    cells.len() == self.kernels.len()
                        && cells.values().all(|other| other.refusals.contains(refusal))
                };
                cell.refusals.iter().any(|refusal| !everywhere(refusal))
            };
            let shown = self.kernels.iter().map(|kernel| match cells.get(kernel) {
                Some(cell) => cell.show(is_special(cell)),
                // A row without a test that ran proves nothing.
                None => "NOT RUN".to_owned(),
            });
            shown.collect()
        };
        self.rows.iter().map(|(head, cells)| (head.as_str(), shown(cells))).collect()
    }

    /// Draws the table. In a long table, rows with the same cells become one row, and their titles
    /// are listed below the table.
    fn show(&self, width: usize) -> String {
        let rows = self.rows();
        if rows.len() <= LONG {
            return lay_out(&self.kernels, &rows, width);
        }
        let mut same: BTreeMap<&[String], Vec<&str>> = BTreeMap::new();
        for (head, cells) in &rows {
            same.entry(cells).or_default().push(head);
        }
        let is_alone = |cells: &[String]| same[cells].len() == 1;
        let mut merged: Vec<(&[String], &Vec<&str>, String)> = vec![];
        for (cells, heads) in same.iter().filter(|(_, heads)| heads.len() > 1) {
            let letter = char::from(b'A' + u8::try_from(merged.len() % 26).unwrap_or_default());
            // After 26 groups, the names are `AA`, `BB` and so on.
            let letters = letter.to_string().repeat(merged.len() / 26 + 1);
            merged.push((cells, heads, letters));
        }
        let names: Vec<String> = merged
            .iter()
            .map(|(_, heads, name)| format!("{name} ({} rows)", heads.len()))
            .collect();
        let mut lines: Vec<(&str, Vec<String>)> =
            rows.iter().filter(|(_, cells)| is_alone(cells)).cloned().collect();
        let together = names.iter().zip(&merged);
        lines.extend(together.map(|(name, (cells, ..))| (name.as_str(), cells.to_vec())));
        let mut text = lay_out(&self.kernels, &lines, width);
        for (_, heads, name) in &merged {
            let _ = writeln!(text, "{name}:");
            layout::list(&mut text, heads, 2, width);
        }
        text
    }

    /// Lists the refusals: first the refusals that differ between kernels, then the refusals of
    /// every kernel.
    fn show_refusals(&self, width: usize) -> String {
        let (mut everywhere, mut somewhere) = (vec![], vec![]);
        for group in self.groups() {
            let is_everywhere = group.kernels.len() == self.kernels.len();
            if is_everywhere { &mut everywhere } else { &mut somewhere }.push(group);
        }
        let mut text = String::new();
        if !somewhere.is_empty() {
            text.push_str("* Some kernels refuse operations that others support, as expected:\n");
        }
        for group in somewhere {
            let kernels = self.range(&group.kernels);
            let _ = writeln!(text, "  on {kernels}: {}", group.what());
            layout::list(&mut text, &group.rows, 4, width);
        }
        if !everywhere.is_empty() {
            let these = if self.kernels.len() == 1 {
                "The kernel refuses"
            } else {
                "All these kernels refuse"
            };
            let _ = writeln!(text, "{these}, as expected:");
        }
        for group in everywhere {
            let _ = writeln!(text, "  {}", group.what());
            layout::list(&mut text, &group.rows, 4, width);
        }
        text
    }

    /// Groups the refusals by errno, reason and kernels, and then groups operations with the same
    /// rows. The groups with the fewest kernels come first.
    fn groups(&self) -> Vec<Group<'_>> {
        let mut kernels: BTreeMap<(Refusal<'a>, &str), Vec<usize>> = BTreeMap::new();
        for (head, cells) in &self.rows {
            for (index, kernel) in self.kernels.iter().enumerate() {
                for refusal in cells.get(kernel).into_iter().flat_map(|cell| &cell.refusals) {
                    kernels.entry((*refusal, head)).or_default().push(index);
                }
            }
        }
        let mut rows: BTreeMap<(Vec<usize>, Refusal<'a>), Vec<&str>> = BTreeMap::new();
        for ((refusal, row), kernels) in kernels {
            rows.entry((kernels, refusal)).or_default().push(row);
        }
        let mut groups: Vec<Group<'_>> = vec![];
        for ((kernels, refusal), rows) in rows {
            let Refusal { operation, errno, reason } = refusal;
            let same = groups.iter_mut().find(|group| {
                (group.errno, group.reason) == (errno, reason)
                    && group.kernels == kernels
                    && group.rows == rows
            });
            if let Some(group) = same {
                group.operations.push(operation);
            } else {
                let operations = vec![operation];
                groups.push(Group { kernels, errno, reason, operations, rows });
            }
        }
        groups.sort_by_key(|group| group.kernels.len());
        groups
    }

    /// Returns the names of kernels, with consecutive kernels as a range: `5.10 to 6.1, 7.3`.
    fn range(&self, indices: &[usize]) -> String {
        let ranges = indices.chunk_by(|one, next| one + 1 == *next);
        let ranges = ranges.map(|range| match range {
            [] => String::new(),
            [only] => self.kernels[*only].to_owned(),
            [first, .., last] => format!("{} to {}", self.kernels[*first], self.kernels[*last]),
        });
        terminal(&ranges.collect::<Vec<_>>().join(", "))
    }
}

/// Operations that the same kernels refuse for the same reason.
struct Group<'a> {
    /// The indices of the kernels.
    kernels: Vec<usize>,
    errno: &'a str,
    reason: &'a str,
    operations: Vec<&'a str>,
    rows: Vec<&'a str>,
}

impl Group<'_> {
    fn what(&self) -> String {
        let operations = self.operations.join(", ");
        terminal(&format!("{operations} ({}, {})", self.errno, self.reason))
    }
}

/// Lays out a table of at most this width. If the kernels do not all fit, the rest of the kernels
/// follow in another table.
fn lay_out(kernels: &[&str], rows: &[(&str, Vec<String>)], width: usize) -> String {
    let first = rows.iter().map(|(row, _)| row.len()).max().unwrap_or(0);
    let widest = |column: usize| {
        let cells = rows.iter().map(|(_, cells)| cells[column].len());
        cells.chain([kernels[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..kernels.len()).map(widest).collect();
    let columns: Vec<usize> = widths.iter().map(|width| width + 2).collect();
    let mut text = String::new();
    for block in layout::blocks(first, &columns, width) {
        let mut line = |head: &str, cells: &mut dyn Iterator<Item = &str>| {
            let mut line = format!("{head:first$}");
            for (cell, width) in cells.zip(&widths[block.clone()]) {
                let _ = write!(line, "  {cell:width$}");
            }
            let _ = writeln!(text, "{}", line.trim_end());
        };
        line("", &mut kernels[block.clone()].iter().copied());
        for (row, cells) in rows {
            line(row, &mut cells[block.clone()].iter().map(String::as_str));
        }
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

    fn by_map(test: &TestResult) -> Option<String> {
        test.test.rsplit_once("::").map(|(map, _)| map.replace("::", "."))
    }

    #[test]
    fn refusals_are_grouped_by_what_differs_between_kernels() {
        let since = [("refused.lookup_and_delete", "ENOTSUPP, from Linux 5.14")];
        let missing = [("refused.creation", "EINVAL, from Linux 7.2")];
        let never = "EINVAL, no kernel does it for this map";
        let never = [("refused.delete", never), ("refused.take", never)];
        let tests = [
            test("6.12", "hash::flows::operations", Outcome::Passed, &[]),
            test("5.10", "hash::flows::operations", Outcome::Passed, &since),
            test("6.1", "hash::flows::operations", Outcome::Passed, &[]),
            test("5.10", "lru::users::operations", Outcome::Passed, &since),
            test("6.1", "lru::users::operations", Outcome::Passed, &[]),
            test("6.12", "lru::users::operations", Outcome::Passed, &[]),
            test("5.10", "array::totals::operations", Outcome::Passed, &never),
            test("5.10", "array::totals::fields", Outcome::Failed, &[]),
            test("5.10", "queue::jobs::operations", Outcome::Passed, &never),
            test("6.1", "queue::jobs::operations", Outcome::Passed, &never),
            test("6.12", "queue::jobs::operations", Outcome::Passed, &never),
            test("5.10", "rhash::jobs::operations", Outcome::Passed, &missing),
            test("6.1", "rhash::jobs::operations", Outcome::Passed, &missing),
            test("6.12", "rhash::jobs::operations", Outcome::Passed, &[]),
        ];
        let expected = "              5.10     6.1      6.12
array.totals  RED 1/2  NOT RUN  NOT RUN
hash.flows    1 ok*    1 ok     1 ok
lru.users     1 ok*    1 ok     1 ok
queue.jobs    1 ok     1 ok     1 ok
rhash.jobs    refused  refused  1 ok
* Some kernels refuse operations that others support, as expected:
  on 5.10: delete, take (EINVAL, no kernel does it for this map)
    array.totals
  on 5.10: lookup_and_delete (ENOTSUPP, from Linux 5.14)
    hash.flows, lru.users
  on 5.10 to 6.1: creation (EINVAL, from Linux 7.2)
    rhash.jobs
All these kernels refuse, as expected:
  delete, take (EINVAL, no kernel does it for this map)
    queue.jobs
";
        assert_eq!(draw_in(80, &tests, by_map), expected);
    }

    #[test]
    fn kernels_that_do_not_fit_are_in_another_table() {
        let tests =
            ["5.10", "6.1", "6.12"].map(|kernel| test(kernel, "a::b::c", Outcome::Passed, &[]));
        let expected = "     5.10  6.1\na.b  1 ok  1 ok\n     6.12\na.b  1 ok\n";
        assert_eq!(draw_in(16, &tests, by_map), expected);
    }

    #[test]
    fn equal_rows_of_a_long_table_are_one_row() {
        let names: Vec<String> = (0..=LONG).map(|number| format!("a::m{number:02}::t")).collect();
        let mut tests: Vec<TestResult> = vec![];
        for kernel in ["5.10", "6.1"] {
            tests.extend(names.iter().map(|name| test(kernel, name, Outcome::Passed, &[])));
        }
        tests[3].outcome = Outcome::Failed;
        for test in &mut tests {
            if ["a::m07::t", "a::m09::t"].contains(&test.test.as_str()) {
                test.outcome = Outcome::Skipped;
            }
        }
        let text = draw_in(80, &tests, by_map);
        let table = "             5.10         6.1
a.m03        RED 1/1      1 ok
A (28 rows)  1 ok         1 ok
B (2 rows)   SKIPPED 1/1  SKIPPED 1/1
A:
  a.m00, a.m01, a.m02, a.m04,";
        assert!(text.starts_with(table), "{text}");
        assert!(text.ends_with("B:\n  a.m07, a.m09\n"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    }
}
