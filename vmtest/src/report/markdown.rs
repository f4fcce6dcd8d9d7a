//! The report as Markdown, for the summary page of a job on GitHub.

use super::escape::{markdown as escape, terminal};
use super::grid::{Grid, full_name};
use super::markup;
use crate::event::{Event, Outcome, TestResult};
use std::fmt::Write as _;

/// The size limit of the summary of one step on GitHub, in bytes. GitHub refuses a longer summary.
pub const SUMMARY_LIMIT: usize = 1 << 20;

/// The maximum number of bytes that are shown of a test's output. The beginning of a longer output
/// is left out.
const MAX_OUTPUT: usize = 16 << 10;
/// The number of bytes that are reserved for the line that says what was left out.
const RESERVE: usize = 200;

/// Returns a report of at most `limit` bytes: the summary, the table of tests by kernels, the
/// failures with their output, and the skipped tests. Parts that would exceed the limit are left
/// out, and the last line mentions them.
#[must_use]
pub fn markdown(events: &[Event], limit: usize) -> String {
    let grid = Grid::of(events);
    let mut text = String::new();
    let mut left_out = 0;
    // A table that ends early is still valid, but a `details` element must be complete.
    let parts = rows(&grid).into_iter().chain(failures(&grid)).chain(skips(&grid));
    for part in parts {
        if text.len() + part.len() + RESERVE <= limit {
            text.push_str(&part);
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 && text.len() + RESERVE <= limit {
        let _ = writeln!(
            text,
            "\n{left_out} parts are left out, because a summary has at most {limit} bytes: see the log."
        );
    }
    text
}

fn rows(grid: &Grid<'_>) -> Vec<String> {
    let mut head = String::new();
    if let Some(summary) = grid.summary {
        let title = if summary.green { "✅ Green" } else { "❌ Not green" };
        let _ = writeln!(
            head,
            "### {title}: {} passed, {} failed, {} skipped on {} kernels in {:.0} s\n",
            summary.passed, summary.failed, summary.skipped, summary.kernels, summary.seconds
        );
    }
    head.push_str("| test |");
    for kernel in &grid.kernels {
        let _ = write!(head, " {} |", escape(&kernel.kernel));
    }
    head.push_str("\n| --- |");
    head.push_str(&" --- |".repeat(grid.kernels.len()));
    head.push('\n');
    if grid.kernels.iter().any(|kernel| kernel.outcome != "ok") {
        head.push_str("| *guest* |");
        for kernel in &grid.kernels {
            let outcome = if kernel.outcome == "ok" { "✅" } else { &escape(&kernel.outcome) };
            let _ = write!(head, " {outcome} |");
        }
        head.push('\n');
    }
    let mut rows = vec![head];
    for ((binary, test), row) in &grid.rows {
        let mut text = format!("| {} |", escape(&full_name(binary, test)));
        for kernel in &grid.kernels {
            let mark = row.get(kernel.kernel.as_str()).map_or("", |test| mark(test));
            let _ = write!(text, " {mark} |");
        }
        text.push('\n');
        rows.push(text);
    }
    rows
}

fn failures(grid: &Grid<'_>) -> Vec<String> {
    let mut failures = Vec::new();
    for kernel in grid.kernels.iter().filter(|kernel| kernel.outcome != "ok") {
        let reason = kernel.reason.as_deref().unwrap_or_default();
        let title = format!("{}: {}: {reason}", kernel.kernel, kernel.outcome);
        failures.push(details(&title, &kernel.console_tail.join("\n")));
    }
    for test in grid.rows.values().flat_map(|row| row.values()) {
        if !test.outcome.is_green() && test.outcome != Outcome::NotRun {
            let reason =
                test.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            let title = format!(
                "{} on {}: {}{reason}",
                full_name(&test.binary, &test.test),
                test.kernel,
                test.outcome
            );
            failures.push(details(&title, &test.output));
        }
    }
    failures
}

fn skips(grid: &Grid<'_>) -> Vec<String> {
    let skips = grid.skips().into_iter();
    let line = |((binary, test, reason), kernels): ((&str, &str, &str), Vec<&str>)| {
        let (name, reason) = (escape(&full_name(binary, test)), escape(reason));
        format!("\nSkipped on {}: {name}: {reason}\n", escape(&kernels.join(", ")))
    };
    skips.map(line).collect()
}

fn mark(test: &TestResult) -> &'static str {
    match test.outcome {
        Outcome::Passed if test.attempts > 1 => "⚠️ flaky",
        Outcome::Passed => "✅",
        Outcome::Skipped => "➖ skipped",
        Outcome::NotRun => "not run",
        Outcome::Failed => "❌",
        outcome => outcome.name(),
    }
}

fn details(title: &str, body: &str) -> String {
    let start = body.len().saturating_sub(MAX_OUTPUT);
    let start = (start..=body.len()).find(|at| body.is_char_boundary(*at)).unwrap_or_default();
    let cut = if start > 0 { "[…]\n" } else { "" };
    let lines: Vec<String> = body[start..].lines().map(terminal).collect();
    let (title, body) = (escape(title), markup::escape(&lines.join("\n")));
    format!("\n<details><summary>{title}</summary>\n\n<pre>{cut}{body}</pre>\n</details>\n")
}

#[cfg(test)]
mod tests {
    use super::super::grid::{hostile, sample};
    use super::*;

    #[test]
    fn the_table_has_a_row_for_each_test_and_a_column_for_each_kernel() {
        let text = markdown(&sample(), SUMMARY_LIMIT);
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(rows[0], "| test | 5&#46;10 | 6&#46;1 |");
        assert_eq!(rows[2], "| *guest* | panic | ✅ |");
        assert_eq!(rows.len(), 3 + 5);
        assert!(rows.iter().all(|row| row.matches('|').count() == 4), "{text}");
        assert!(text.contains("<summary>maps fails on 6&#46;1&#58; failed"), "{text}");
        assert!(!text.contains("<script"), "{text}");
    }

    #[test]
    fn a_hostile_name_or_output_creates_no_markup() {
        let text = markdown(&hostile(), SUMMARY_LIMIT);
        let rows = text.lines().filter(|line| line.starts_with('|'));
        assert!(rows.clone().all(|row| row.matches('|').count() == 4), "{text}");
        // Between these tags, nothing is interpreted as Markdown.
        let text: String = text
            .split("<pre>")
            .map(|part| part.rsplit("</pre>").next().unwrap_or_default())
            .collect();
        for markup in ["](", "<img", "\u{1b}", "\r", "\\|", "\u{202e}"] {
            assert!(!text.contains(markup), "{markup:?}: {text}");
        }
    }

    #[test]
    fn a_summary_does_not_exceed_its_limit() {
        let mut events = hostile();
        let Event::Test(sample) = events[0].clone() else { panic!("the first event is a test") };
        let long = |number| TestResult {
            test: format!("test{number}"),
            output: "é\u{1b}<".repeat(20_000),
            ..sample.clone()
        };
        events.extend((0..500).map(|number| Event::Test(long(number))));
        for limit in [SUMMARY_LIMIT, 100_000, 5_000, 100, 0] {
            let text = markdown(&events, limit);
            assert!(text.len() <= limit, "{} of {limit}", text.len());
            assert!(limit < 5_000 || text.contains("parts are left out"), "{limit}");
            assert_eq!(text.matches("<pre>").count(), text.matches("</details>").count());
        }
    }
}
