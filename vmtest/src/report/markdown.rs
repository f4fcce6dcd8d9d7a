//! The report as Markdown, for the summary page of a job on GitHub.

use super::grid::{Grid, full_name};
use crate::event::{Event, Outcome, TestResult};
use std::fmt::Write as _;

/// The sum, the table of tests by kernels, what failed with its output, and what was skipped.
#[must_use]
pub fn markdown(events: &[Event]) -> String {
    let grid = Grid::of(events);
    let mut text = String::new();
    if let Some(summary) = grid.summary {
        let title = if summary.green { "✅ Green" } else { "❌ Not green" };
        let _ = writeln!(
            text,
            "### {title}: {} passed, {} failed, {} skipped on {} kernels in {:.0} s\n",
            summary.passed, summary.failed, summary.skipped, summary.kernels, summary.seconds
        );
    }
    text.push_str("| test |");
    for kernel in &grid.kernels {
        let _ = write!(text, " {} |", cell(&kernel.kernel));
    }
    text.push_str("\n| --- |");
    text.push_str(&" --- |".repeat(grid.kernels.len()));
    text.push('\n');
    if grid.kernels.iter().any(|kernel| kernel.outcome != "ok") {
        text.push_str("| *guest* |");
        for kernel in &grid.kernels {
            let outcome = if kernel.outcome == "ok" { "✅" } else { &cell(&kernel.outcome) };
            let _ = write!(text, " {outcome} |");
        }
        text.push('\n');
    }
    for ((binary, test), row) in &grid.rows {
        let _ = write!(text, "| {} |", cell(&full_name(binary, test)));
        for kernel in &grid.kernels {
            let _ = write!(
                text,
                " {} |",
                row.get(kernel.kernel.as_str()).map_or("", |test| mark(test))
            );
        }
        text.push('\n');
    }
    for kernel in grid.kernels.iter().filter(|kernel| kernel.outcome != "ok") {
        let reason = kernel.reason.as_deref().unwrap_or_default();
        details(
            &mut text,
            &format!("{}: {}: {reason}", kernel.kernel, kernel.outcome),
            &kernel.console_tail.join("\n"),
        );
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
            details(&mut text, &title, &test.output);
        }
    }
    for ((binary, test, reason), kernels) in grid.skips() {
        let _ = writeln!(
            text,
            "\nSkipped on {}: {}: {}",
            kernels.join(", "),
            cell(&full_name(binary, test)),
            cell(reason)
        );
    }
    text
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

/// Text that can stand in a cell of a table.
fn cell(text: &str) -> String {
    super::markup::escape(text).replace('|', "\\|").replace('\n', " ")
}

fn details(text: &mut String, title: &str, body: &str) {
    let (title, body) = (super::markup::escape(title), super::markup::escape(body));
    let _ =
        write!(text, "\n<details><summary>{title}</summary>\n\n<pre>{body}</pre>\n</details>\n");
}

#[cfg(test)]
mod tests {
    use super::super::grid::sample;
    use super::*;

    #[test]
    fn the_table_has_a_row_a_test_and_a_column_a_kernel() {
        let text = markdown(&sample());
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(rows[0], "| test | 5.10 | 6.1 |");
        assert_eq!(rows[2], "| *guest* | panic | ✅ |");
        assert_eq!(rows.len(), 3 + 5);
        assert!(rows.iter().all(|row| row.matches('|').count() == 4), "{text}");
        assert!(text.contains("<summary>maps fails on 6.1: failed"), "{text}");
        assert!(!text.contains("<script"), "{text}");
    }
}
