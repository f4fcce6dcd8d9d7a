//! The report as XML in `JUnit` format, which continuous integration services read. The report has
//! one test suite for each kernel and binary.

use super::grid::Grid;
use crate::event::{Event, KernelResult, Outcome, TestResult};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::collections::BTreeMap;
use std::time::Duration;

/// Writes all events as one XML document.
///
/// # Panics
///
/// This function never panics: a `Report` is written to memory, and its texts contain only
/// characters that XML allows.
#[must_use]
pub fn junit(events: &[Event]) -> String {
    let grid = Grid::of(events);
    let mut report = Report::new("bpfmap-vmtest");
    report.set_time(seconds(grid.summary.map_or(0.0, |summary| summary.seconds)));
    for kernel in &grid.kernels {
        let mut suites: BTreeMap<&str, Vec<&TestResult>> = BTreeMap::new();
        for ((binary, _), row) in &grid.rows {
            if let Some(test) = row.get(kernel.kernel.as_str()) {
                suites.entry(binary).or_default().push(test);
            }
        }
        for (binary, tests) in suites {
            report.add_test_suite(suite(kernel, binary, &tests));
        }
        if kernel.outcome != "ok" {
            report.add_test_suite(guest_suite(kernel));
        }
    }
    report.to_string().expect("a report is XML")
}

fn suite(kernel: &KernelResult, binary: &str, tests: &[&TestResult]) -> TestSuite {
    let mut suite = TestSuite::new(format!("{binary} on {}", kernel.kernel));
    suite.set_time(seconds(tests.iter().map(|test| test.seconds).sum()));
    suite
        .add_properties([("kernel", kernel.kernel.as_str()), ("release", kernel.release.as_str())]);
    suite.add_test_cases(tests.iter().map(|test| case(test)));
    suite
}

fn case(test: &TestResult) -> TestCase {
    let name = if test.test.is_empty() { "(all tests)" } else { &test.test };
    let outcome = test.outcome;
    let mut status = match outcome {
        Outcome::Passed => TestCaseStatus::success(),
        Outcome::Skipped => TestCaseStatus::skipped(),
        Outcome::Failed => TestCaseStatus::non_success(NonSuccessKind::Failure),
        _ => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    if outcome != Outcome::Passed {
        status.set_message(test.reason.as_deref().unwrap_or(outcome.name()));
    }
    if !matches!(outcome, Outcome::Passed | Outcome::Skipped) {
        status.set_type(outcome.name());
    }
    let mut case = TestCase::new(name, status);
    case.set_classname(format!("{}.{}", test.kernel.replace('.', "_"), test.binary));
    case.set_time(seconds(test.seconds));
    case.add_properties(test.notes.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    if !test.output.is_empty() {
        case.set_system_out(test.output.as_str());
    }
    case
}

/// Returns the suite that reports a failed guest as a separate error, whether or not a test caused
/// the failure.
fn guest_suite(kernel: &KernelResult) -> TestSuite {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status
        .set_type(kernel.outcome.as_str())
        .set_message(kernel.reason.as_deref().unwrap_or_default())
        .set_description(kernel.console_tail.join("\n"));
    let mut case = TestCase::new("guest", status);
    case.set_classname(format!("{}.guest", kernel.kernel.replace('.', "_")));
    case.set_time(seconds(kernel.seconds));
    let mut suite = TestSuite::new(format!("guest on {}", kernel.kernel));
    suite.set_time(seconds(kernel.seconds)).add_test_case(case);
    suite
}

/// Converts a number of seconds, which a guest may have chosen, to a duration.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::grid::sample;
    use super::*;

    #[test]
    fn suites_are_kernels_and_binaries_and_count_right() {
        let xml = junit(&sample());
        for suite in ["maps on 5.10", "maps on 6.1"] {
            let head = format!(
                "<testsuite name=\"{suite}\" tests=\"5\" skipped=\"1\" errors=\"1\" failures=\"1\""
            );
            assert!(xml.contains(&head), "{xml}");
        }
        // The failed guest is a separate error.
        assert!(xml.contains("<error message=\"it panicked\" type=\"panic\">"), "{xml}");
        assert_eq!(xml.matches("<testcase ").count(), 11);
        assert_eq!(xml.matches("<testcase ").count(), xml.matches("</testcase>").count());
    }

    #[test]
    fn hostile_text_does_not_break_the_xml() {
        let xml = junit(&sample());
        assert!(!xml.contains("<script") && !xml.contains('\u{1b}') && !xml.contains("<y>"));
        assert!(xml.contains("name=\"a&lt;b&gt;::passes\""), "{xml}");
    }
}
