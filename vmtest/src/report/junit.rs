//! The report as XML in the manner of `JUnit`, which continuous integration reads: a test suite a kernel and binary.

use super::grid::Grid;
use super::markup::escape;
use crate::event::{Event, KernelResult, Outcome, TestResult};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// All events as one XML document.
#[must_use]
pub fn junit(events: &[Event]) -> String {
    let grid = Grid::of(events);
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let seconds = grid.summary.map_or(0.0, |summary| summary.seconds);
    let _ = writeln!(xml, "<testsuites name=\"bpfmap-vmtest\" time=\"{seconds:.3}\">");
    for kernel in &grid.kernels {
        let mut suites: BTreeMap<&str, Vec<&TestResult>> = BTreeMap::new();
        for ((binary, _), row) in &grid.rows {
            if let Some(test) = row.get(kernel.kernel.as_str()) {
                suites.entry(binary).or_default().push(test);
            }
        }
        for (binary, tests) in suites {
            suite(&mut xml, kernel, binary, &tests);
        }
        if kernel.outcome != "ok" {
            guest_suite(&mut xml, kernel);
        }
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn suite(xml: &mut String, kernel: &KernelResult, binary: &str, tests: &[&TestResult]) {
    let count = |kind: fn(Outcome) -> bool| tests.iter().filter(|test| kind(test.outcome)).count();
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{} on {}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3}\">",
        escape(binary),
        escape(&kernel.kernel),
        tests.len(),
        count(|outcome| outcome == Outcome::Failed),
        count(|outcome| !outcome.is_green() && outcome != Outcome::Failed),
        count(Outcome::is_skip),
        tests.iter().map(|test| test.seconds).sum::<f64>(),
    );
    xml.push_str("    <properties>\n");
    for (name, value) in [("kernel", &kernel.kernel), ("release", &kernel.release)] {
        let _ = writeln!(xml, "      <property name=\"{name}\" value=\"{}\"/>", escape(value));
    }
    xml.push_str("    </properties>\n");
    for test in tests {
        case(xml, test);
    }
    xml.push_str("  </testsuite>\n");
}

fn case(xml: &mut String, test: &TestResult) {
    let name = if test.test.is_empty() { "(all tests)" } else { &test.test };
    let class = format!("{}.{}", test.kernel.replace('.', "_"), test.binary);
    let _ = writeln!(
        xml,
        "    <testcase name=\"{}\" classname=\"{}\" time=\"{:.3}\">",
        escape(name),
        escape(&class),
        test.seconds
    );
    let message = escape(test.reason.as_deref().unwrap_or(test.outcome.name()));
    match test.outcome {
        Outcome::Passed => {}
        Outcome::Skipped => {
            let _ = writeln!(xml, "      <skipped message=\"{message}\"/>");
        }
        Outcome::Failed => {
            let _ = writeln!(xml, "      <failure type=\"failed\" message=\"{message}\"/>");
        }
        outcome => {
            let _ = writeln!(xml, "      <error type=\"{outcome}\" message=\"{message}\"/>");
        }
    }
    if !test.notes.is_empty() {
        xml.push_str("      <properties>\n");
        for (key, value) in &test.notes {
            let _ = writeln!(
                xml,
                "        <property name=\"{}\" value=\"{}\"/>",
                escape(key),
                escape(value)
            );
        }
        xml.push_str("      </properties>\n");
    }
    if !test.output.is_empty() {
        let _ = writeln!(xml, "      <system-out>{}</system-out>", escape(&test.output));
    }
    xml.push_str("    </testcase>\n");
}

/// A guest that failed is an error of its own, whether or not a test was to blame.
fn guest_suite(xml: &mut String, kernel: &KernelResult) {
    let (name, outcome) = (escape(&kernel.kernel), escape(&kernel.outcome));
    let message = escape(kernel.reason.as_deref().unwrap_or_default());
    let tail = escape(&kernel.console_tail.join("\n"));
    let class = escape(&kernel.kernel.replace('.', "_"));
    let _ = write!(
        xml,
        "  <testsuite name=\"guest on {name}\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\" time=\"{:.3}\">\n    \
         <testcase name=\"guest\" classname=\"{class}.guest\" time=\"{:.3}\">\n      \
         <error type=\"{outcome}\" message=\"{message}\">{tail}</error>\n    </testcase>\n  </testsuite>\n",
        kernel.seconds, kernel.seconds,
    );
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
                "<testsuite name=\"{suite}\" tests=\"5\" failures=\"1\" errors=\"1\" skipped=\"1\""
            );
            assert!(xml.contains(&head), "{xml}");
        }
        // The guest that failed is an error of its own.
        assert!(xml.contains("<error type=\"panic\" message=\"it panicked\">"), "{xml}");
        assert_eq!(xml.matches("<testcase ").count(), 11);
        assert_eq!(xml.matches("<testcase ").count(), xml.matches("</testcase>").count());
    }

    #[test]
    fn nothing_in_it_breaks_the_xml() {
        let xml = junit(&sample());
        assert!(!xml.contains("<script") && !xml.contains('\u{1b}') && !xml.contains("<y>"));
        assert!(xml.contains("name=\"a&lt;b&gt;::passes\""), "{xml}");
    }
}
