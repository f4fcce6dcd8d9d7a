//! The report on a terminal: what runs while it runs, then a table of tests by kernels.

use super::grid::{Grid, full_name};
use crate::event::{Event, KernelResult, Outcome, Summary, TestResult};
use crate::progress::Progress;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write};

/// Shows progress on the standard error.
#[derive(Debug)]
pub struct Terminal {
    live: bool,
    running: BTreeMap<String, String>,
    counts: BTreeMap<String, (usize, usize)>,
}

impl Default for Terminal {
    fn default() -> Self {
        Self::new()
    }
}

impl Terminal {
    /// A report that redraws one line on a terminal, and prints a line a kernel elsewhere.
    #[must_use]
    pub fn new() -> Self {
        let live = io::stderr().is_terminal() && std::env::var_os("CI").is_none();
        Self { live, running: BTreeMap::new(), counts: BTreeMap::new() }
    }

    /// Shows what happened.
    pub fn show(&mut self, progress: &Progress) {
        let mut lines = String::new();
        match progress {
            Progress::Booting { kernel } => {
                self.running.insert(kernel.clone(), "boots".to_owned());
            }
            Progress::Testing { kernel, test } => {
                self.running.insert(kernel.clone(), test.clone());
            }
            Progress::Event(event) => match &**event {
                Event::Test(test) => {
                    let count = self.counts.entry(test.kernel.clone()).or_default();
                    count.0 += usize::from(test.outcome == Outcome::Passed);
                    count.1 += usize::from(!test.outcome.is_green());
                    if !test.outcome.is_green() {
                        lines = failed(test);
                    }
                }
                Event::Kernel(kernel) => {
                    self.running.remove(&kernel.kernel);
                    let (passed, failed) =
                        self.counts.get(&kernel.kernel).copied().unwrap_or_default();
                    lines = finished(kernel, passed, failed);
                }
                Event::Summary(_) => {}
            },
        }
        let mut stderr = io::stderr().lock();
        // Nobody is left to tell if the terminal is gone.
        if self.live {
            let _ = write!(stderr, "\r\x1b[K{lines}{}", self.status_line());
        } else {
            let _ = write!(stderr, "{lines}");
        }
        let _ = stderr.flush();
    }

    fn status_line(&self) -> String {
        let parts: Vec<String> =
            self.running.iter().map(|(kernel, what)| format!("{kernel}: {what}")).collect();
        parts.join("  ").chars().take(100).collect()
    }
}

fn failed(test: &TestResult) -> String {
    let reason = test.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let name = if test.test.is_empty() { String::new() } else { format!(" {}", test.test) };
    let mut lines = format!(
        "{} {} {}{name}{reason}\n",
        test.outcome.name().to_uppercase(),
        test.kernel,
        test.binary
    );
    for line in test.output.lines() {
        let _ = writeln!(lines, "    {line}");
    }
    lines
}

fn finished(kernel: &KernelResult, passed: usize, failed: usize) -> String {
    let snapshot = if kernel.snapshot { ", snapshot" } else { "" };
    let mut lines = format!(
        "{:>6}  {passed} passed, {failed} failed  {:.1} s ({}{snapshot})  {}\n",
        kernel.kernel, kernel.seconds, kernel.engine, kernel.release
    );
    if kernel.outcome != "ok" {
        let reason = kernel.reason.as_deref().unwrap_or_default();
        let _ = writeln!(lines, "        {}: {reason}", kernel.outcome.to_uppercase());
        for line in &kernel.console_tail {
            let _ = writeln!(lines, "        | {line}");
        }
        if let Some(advice) = &kernel.advice {
            let _ = writeln!(lines, "        help: {advice}");
        }
    }
    lines
}

/// The table of tests by kernels, what was skipped and why, and the sum.
#[must_use]
pub fn table(events: &[Event]) -> String {
    let grid = Grid::of(events);
    let names = grid.rows.keys().map(|(binary, test)| full_name(binary, test).chars().count());
    let width = names.max().unwrap_or_default();
    let mut text = format!("{:width$}", "");
    for kernel in &grid.kernels {
        let _ = write!(text, " {:>5}", kernel.kernel);
    }
    text.push('\n');
    for ((binary, test), row) in &grid.rows {
        let _ = write!(text, "{:width$}", full_name(binary, test));
        for kernel in &grid.kernels {
            let mark = row.get(kernel.kernel.as_str()).map_or("", |test| mark(test));
            let _ = write!(text, " {mark:>0$}", kernel.kernel.len().max(5));
        }
        text.push('\n');
    }
    for ((binary, test, reason), kernels) in grid.skips() {
        let name = full_name(binary, test);
        let _ = writeln!(text, "skipped on {}: {name}: {reason}", kernels.join(", "));
    }
    if let Some(summary) = grid.summary {
        text.push_str(&sum(summary));
    }
    text
}

fn mark(test: &TestResult) -> &'static str {
    match test.outcome {
        Outcome::Passed if test.attempts > 1 => "flaky",
        Outcome::Passed => "ok",
        Outcome::Failed => "FAIL",
        Outcome::Skipped => "skip",
        Outcome::TimedOut => "TIME",
        Outcome::KilledByOom => "OOM",
        Outcome::Crashed => "CRASH",
        Outcome::EndedEarly => "EARLY",
        Outcome::GuestFailed => "GUEST",
        Outcome::NotRun => "-",
        Outcome::NotListed => "LIST",
        Outcome::NoTests => "NONE",
    }
}

fn sum(summary: &Summary) -> String {
    let green = if summary.green { "green" } else { "NOT GREEN" };
    let flaky =
        if summary.flaky > 0 { format!(" ({} flaky)", summary.flaky) } else { String::new() };
    format!(
        "{green}: {} passed{flaky}, {} failed, {} skipped; {} kernels, {} failed; {:.1} s\n",
        summary.passed,
        summary.failed,
        summary.skipped,
        summary.kernels,
        summary.kernels_failed,
        summary.seconds
    )
}

#[cfg(test)]
mod tests {
    use super::super::grid::sample;
    use super::*;

    #[test]
    fn the_table_tells_tests_by_kernels_and_why_some_were_skipped() {
        let text = table(&sample());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), ["5.10", "6.1"]);
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with("maps fails ") && line.ends_with(" FAIL  FAIL")),
            "{text}"
        );
        assert!(text.contains("skipped on 5.10, 6.1: maps skips: because"), "{text}");
        assert!(
            text.ends_with(
                "NOT GREEN: 4 passed (2 flaky), 4 failed, 2 skipped; 2 kernels, 1 failed; 3.0 s\n"
            ),
            "{text}"
        );
    }
}
