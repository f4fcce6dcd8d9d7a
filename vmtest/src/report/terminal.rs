//! The report on a terminal: what runs while it runs, then a table of tests by kernels.

use crate::event::{Event, KernelResult, Outcome, Summary, TestResult};
use crate::matrix::Progress;
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
    let mut kernels: Vec<&str> = Vec::new();
    let mut rows: BTreeMap<(&str, &str), BTreeMap<&str, &TestResult>> = BTreeMap::new();
    let mut skips: BTreeMap<(&str, &str, &str), Vec<&str>> = BTreeMap::new();
    let mut summary = None;
    for event in events {
        match event {
            Event::Test(test) => {
                rows.entry((&test.binary, &test.test)).or_default().insert(&test.kernel, test);
                if test.outcome == Outcome::Skipped {
                    let reason = test.reason.as_deref().unwrap_or("no reason given");
                    skips.entry((&test.binary, &test.test, reason)).or_default().push(&test.kernel);
                }
            }
            Event::Kernel(kernel) => kernels.push(&kernel.kernel),
            Event::Summary(found) => summary = Some(found),
        }
    }
    kernels.sort_by_key(|kernel| version_key(kernel));
    let name = |binary: &str, test: &str| {
        if test.is_empty() { binary.to_owned() } else { format!("{binary} {test}") }
    };
    let width =
        rows.keys().map(|(binary, test)| name(binary, test).len()).max().unwrap_or_default();
    let mut text = format!("{:width$}", "");
    for kernel in &kernels {
        let _ = write!(text, " {kernel:>5}");
    }
    text.push('\n');
    for ((binary, test), cells) in &rows {
        let _ = write!(text, "{:width$}", name(binary, test));
        for kernel in &kernels {
            let _ = write!(text, " {:>5}", cells.get(kernel).map_or("", |test| mark(test)));
        }
        text.push('\n');
    }
    for ((binary, test, reason), kernels) in skips {
        let _ =
            writeln!(text, "skipped on {}: {}: {reason}", kernels.join(", "), name(binary, test));
    }
    if let Some(summary) = summary {
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

/// Orders `6.2` before `6.10`.
fn version_key(kernel: &str) -> Vec<u32> {
    kernel.split('.').map(|part| part.parse().unwrap_or(u32::MAX)).collect()
}
