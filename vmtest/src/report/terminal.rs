//! The report on a terminal. The report shows progress while the matrix runs, and then a table of
//! tests by kernels.

use super::escape::{log_lines, terminal};
use super::grid::{Grid, full_name};
use super::layout::{self, LONG};
use crate::event::{Event, KernelResult, Outcome, Summary, TestResult};
use crate::kernel::Download;
use crate::progress::Progress;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write};

/// Shows progress on the standard error.
#[derive(Debug)]
pub struct Terminal {
    live: bool,
    running: BTreeMap<String, String>,
    counts: BTreeMap<String, Counts>,
}

/// The number of tests of a kernel with each kind of result.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    passed: usize,
    failed: usize,
    not_run: usize,
}

impl Default for Terminal {
    fn default() -> Self {
        Self::new()
    }
}

impl Terminal {
    /// Returns a report that redraws one line on a terminal. If the standard error is not a
    /// terminal, the report prints one line for each download and each kernel.
    #[must_use]
    pub fn new() -> Self {
        Self { live: is_live(), running: BTreeMap::new(), counts: BTreeMap::new() }
    }

    /// Shows a step of the progress.
    pub fn show(&mut self, progress: &Progress) {
        let lines = log_lines(&self.take(progress));
        let mut stderr = io::stderr().lock();
        // If the terminal is gone, nobody can see the error.
        if self.live {
            let _ = write!(stderr, "{ERASE}{lines}{}", self.status_line());
        } else {
            let _ = write!(stderr, "{lines}");
        }
        let _ = stderr.flush();
    }

    /// Records a step of the progress, and returns the lines that stay on the terminal.
    fn take(&mut self, progress: &Progress) -> String {
        let mut lines = String::new();
        match progress {
            Progress::Fetching { kernel, download } => {
                self.running.insert(kernel.clone(), fetching(download));
                if !self.live && download.begins {
                    lines = fetch_begins(kernel, download);
                }
            }
            Progress::Booting { kernel } => {
                self.running.insert(kernel.clone(), "boots".to_owned());
            }
            Progress::Testing { kernel, test } => {
                self.running.insert(kernel.clone(), test.clone());
            }
            Progress::Event(event) => match &**event {
                Event::Test(test) => {
                    let counts = self.counts.entry(test.kernel.clone()).or_default();
                    match test.outcome {
                        Outcome::Passed => counts.passed += 1,
                        Outcome::Skipped => {}
                        // The line of the kernel shows the reason, which all of them share.
                        Outcome::NotRun => counts.not_run += 1,
                        _ => {
                            counts.failed += 1;
                            lines = failed(test);
                        }
                    }
                }
                Event::Kernel(kernel) => {
                    self.running.remove(&kernel.kernel);
                    let counts = self.counts.get(&kernel.kernel).copied().unwrap_or_default();
                    lines = finished(kernel, counts);
                }
                Event::Summary(_) => {}
            },
        }
        lines
    }

    fn status_line(&self) -> String {
        let parts: Vec<String> =
            self.running.iter().map(|(kernel, what)| format!("{kernel}: {what}")).collect();
        // A line that is longer than the width of the terminal could not be erased.
        terminal(&parts.join("  ")).chars().take(columns() - 1).collect()
    }
}

/// Moves the cursor to the start of the line and erases the line.
const ERASE: &str = "\r\x1b[K";

/// Returns whether the standard error is a terminal on which lines can be redrawn.
fn is_live() -> bool {
    io::stderr().is_terminal() && std::env::var_os("CI").is_none()
}

/// Shows the current activity in a line that the next status or report replaces. Shows nothing if
/// the standard error is not a terminal. An empty text erases the line.
pub fn show_status(text: &str) {
    if is_live() {
        let line: String = terminal(text).chars().take(columns() - 1).collect();
        let mut stderr = io::stderr().lock();
        // If the terminal is gone, nobody can see the error.
        let _ = write!(stderr, "{ERASE}{line}");
        let _ = stderr.flush();
    }
}

/// Returns the width of the terminal that the standard error is connected to, or 80.
fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok();
    let columns = size.map_or(0, |size| usize::from(size.ws_col));
    if columns > 1 { columns } else { 80 }
}

fn failed(test: &TestResult) -> String {
    let reason = test.reason.as_ref().map(|reason| format!(" ({})", terminal(reason)));
    let reason = reason.unwrap_or_default();
    let name = terminal(&full_name(&test.binary, &test.test));
    let mut lines =
        format!("{} {} {name}{reason}\n", test.outcome.name().to_uppercase(), test.kernel);
    for line in test.output.lines() {
        let _ = writeln!(lines, "    {line}");
    }
    lines
}

/// Shows the progress of a download outside of a matrix: in the line of [`show_status`] on a
/// terminal, or else as one line at the beginning of the download.
pub fn show_download(download: &Download) {
    if is_live() {
        show_status(&fetching(download));
    } else if download.begins {
        eprint!("{}", log_lines(&format!("{}\n", announced(download))));
    }
}

/// Returns the activity of a kernel whose file is downloaded.
fn fetching(download: &Download) -> String {
    let Download { file, done, size, .. } = download;
    match size {
        Some(size) if *size > 0 => {
            let percent = (done.saturating_mul(100) / size).min(100);
            format!("fetches {file}, {} of {} ({percent} %)", megabytes(*done), megabytes(*size))
        }
        _ if *done > 0 => format!("fetches {file}, {}", megabytes(*done)),
        _ => format!("fetches {file}"),
    }
}

/// Returns the line that announces a download of a kernel.
fn fetch_begins(kernel: &str, download: &Download) -> String {
    format!("{kernel:>6}  {}\n", announced(download))
}

fn announced(Download { file, size, .. }: &Download) -> String {
    let size = size.map_or(String::new(), |size| format!(" ({})", megabytes(size)));
    format!("fetches {}{size}", terminal(file))
}

/// Returns a size with one digit after the point if it is small.
fn megabytes(bytes: u64) -> String {
    let tenths = bytes.div_ceil(100_000);
    if tenths < 100 {
        format!("{}.{} MB", tenths / 10, tenths % 10)
    } else {
        format!("{} MB", tenths.div_ceil(10))
    }
}

/// Returns whether a kernel failed before a guest was started. The conclusion then shows the reason
/// once for all such kernels.
fn is_before_guest(kernel: &KernelResult) -> bool {
    kernel.outcome != "ok" && kernel.guests == 0
}

fn finished(kernel: &KernelResult, counts: Counts) -> String {
    if is_before_guest(kernel) {
        return format!("{:>6}  {}\n", kernel.kernel, kernel.outcome);
    }
    let Counts { passed, failed, not_run } = counts;
    let not_run = if not_run > 0 { format!(", {not_run} not run") } else { String::new() };
    // Without a guest, there is no engine to show.
    let engine = kernel.engine.map_or(String::new(), |engine| {
        format!(" ({engine}{})", if kernel.snapshot { ", snapshot" } else { "" })
    });
    let mut lines = format!(
        "{:>6}  {passed} passed, {failed} failed{not_run}  {:.1} s{engine}  {}\n",
        kernel.kernel,
        kernel.seconds,
        terminal(&kernel.release)
    );
    if kernel.outcome != "ok" {
        let reason = terminal(kernel.reason.as_deref().unwrap_or_default());
        let _ = writeln!(lines, "        {}: {reason}", kernel.outcome.to_uppercase());
        for line in &kernel.console_tail {
            let _ = writeln!(lines, "        | {}", terminal(line));
        }
        if let Some(advice) = &kernel.advice {
            let _ = writeln!(lines, "        help: {advice}");
        }
    }
    lines
}

/// Returns the table of tests by kernels, the skipped tests with their reasons, the failures, and
/// the summary.
#[must_use]
pub fn table(events: &[Event]) -> String {
    table_in(layout::width(), events)
}

fn table_in(width: usize, events: &[Event]) -> String {
    let grid = Grid::of(events);
    let rows = rows(&grid);
    let first = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let columns: Vec<usize> =
        grid.kernels.iter().map(|kernel| kernel.kernel.len().max(5) + 1).collect();
    let mut text = String::new();
    for block in layout::blocks(first, &columns, width) {
        let _ = write!(text, "{:first$}", "");
        for (kernel, width) in grid.kernels[block.clone()].iter().zip(&columns[block.clone()]) {
            let _ = write!(text, "{:>width$}", kernel.kernel);
        }
        text.push('\n');
        for (name, marks) in &rows {
            let _ = write!(text, "{name:first$}");
            for (mark, width) in marks[block.clone()].iter().zip(&columns[block.clone()]) {
                let _ = write!(text, "{mark:>width$}");
            }
            text.push('\n');
        }
    }
    for ((binary, test, reason), kernels) in grid.skips() {
        let (name, reason) = (terminal(&full_name(binary, test)), terminal(reason));
        let _ = writeln!(text, "skipped on {}: {name}: {reason}", kernels.join(", "));
    }
    log_lines(&text) + &conclusion(events)
}

/// Returns the failures and the summary.
#[must_use]
pub fn conclusion(events: &[Event]) -> String {
    let grid = Grid::of(events);
    let mut text = what_is_not_green(&grid);
    if let Some(summary) = grid.summary {
        text.push_str(&sum(summary));
    }
    log_lines(&text)
}

/// Returns the titles of rows, with a mark for each kernel.
fn rows(grid: &Grid<'_>) -> Vec<(String, Vec<&'static str>)> {
    let marks = |row: &BTreeMap<&str, &TestResult>| -> Vec<_> {
        let results = grid.kernels.iter().map(|kernel| row.get(kernel.kernel.as_str()));
        results.map(|result| result.map_or("", |test| mark(test))).collect()
    };
    let mut binaries: BTreeMap<&str, Vec<(String, Vec<_>)>> = BTreeMap::new();
    for ((binary, test), row) in &grid.rows {
        binaries.entry(binary).or_default().push((terminal(&full_name(binary, test)), marks(row)));
    }
    let is_long = grid.rows.len() > LONG;
    let mut rows = Vec::new();
    for (binary, mut tests) in binaries {
        let is_well = |(_, marks): &(String, Vec<_>)| marks.iter().all(|mark| *mark == WELL);
        let well = tests.iter().filter(|row| is_well(row)).count();
        if is_long && well > 1 {
            let other = if well < tests.len() { "other " } else { "" };
            tests.retain(|row| !is_well(row));
            let name = format!("{} ({well} {other}tests)", terminal(binary));
            tests.push((name, vec![WELL; grid.kernels.len()]));
        }
        rows.append(&mut tests);
    }
    rows
}

/// A test that is not green for the same reason on some kernels.
struct NotGreen<'a> {
    mark: &'static str,
    reason: Option<&'a str>,
    kernels: Vec<&'a str>,
}

/// Repeats the failures at the end, because readers look at the end of a long log first. Also lists
/// the tests that passed only in a later attempt. A test that failed on several kernels for the same
/// reason has one line.
fn what_is_not_green(grid: &Grid<'_>) -> String {
    let mut text = String::new();
    for ((binary, test), row) in &grid.rows {
        let mut lines: Vec<NotGreen<'_>> = Vec::new();
        for kernel in &grid.kernels {
            let Some(result) = row.get(kernel.kernel.as_str()) else { continue };
            let mark = mark(result);
            let is_well = result.outcome.is_green() && mark != FLAKY;
            // The reason is that of the kernel, or an earlier failure that is listed.
            if is_well || result.outcome == Outcome::NotRun {
                continue;
            }
            let what = (mark, result.reason.as_deref());
            match lines.iter_mut().find(|line| (line.mark, line.reason) == what) {
                Some(line) => line.kernels.push(&kernel.kernel),
                None => lines.push(NotGreen {
                    mark,
                    reason: result.reason.as_deref(),
                    kernels: vec![&kernel.kernel],
                }),
            }
        }
        let name = terminal(&full_name(binary, test));
        for NotGreen { mark, reason, kernels } in lines {
            let reason = reason.map(|reason| format!(": {}", terminal(reason)));
            let (kernels, reason) = (kernels.join(", "), reason.unwrap_or_default());
            let _ = writeln!(text, "{mark} on {kernels}: {name}{reason}");
        }
    }
    let mut failures: Vec<(&KernelResult, Vec<&str>)> = Vec::new();
    for kernel in grid.kernels.iter().filter(|kernel| kernel.outcome != "ok") {
        let is_same = |(first, _): &&mut (&KernelResult, _)| {
            (&first.outcome, &first.reason) == (&kernel.outcome, &kernel.reason)
        };
        match failures.iter_mut().find(is_same) {
            Some((_, kernels)) => kernels.push(&kernel.kernel),
            None => failures.push((kernel, vec![&kernel.kernel])),
        }
    }
    for (kernel, kernels) in failures {
        let reason = terminal(kernel.reason.as_deref().unwrap_or_default());
        let outcome = kernel.outcome.to_uppercase();
        let _ = writeln!(text, "{}: {outcome}: {reason}", kernels.join(", "));
        if let Some(advice) = kernel.advice.as_ref().filter(|_| is_before_guest(kernel)) {
            let _ = writeln!(text, "  help: {advice}");
        }
    }
    let results = grid.rows.values().flat_map(BTreeMap::values);
    let not_run = results.filter(|result| result.outcome == Outcome::NotRun).count();
    if not_run > 0 {
        let _ = writeln!(text, "{not_run} tests were not run");
    }
    text
}

/// The mark of a test that passed.
const WELL: &str = "ok";
/// The mark of a test that passed in a later attempt.
const FLAKY: &str = "flaky";

fn mark(test: &TestResult) -> &'static str {
    match test.outcome {
        Outcome::Passed if test.attempts > 1 => FLAKY,
        Outcome::Passed => WELL,
        Outcome::Failed => "FAIL",
        Outcome::Skipped => "skip",
        Outcome::TimedOut => "TIME",
        Outcome::KilledByOom => "OOM",
        Outcome::Crashed => "CRASH",
        Outcome::EndedEarly => "EARLY",
        Outcome::Tainted => "TAINT",
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
    let kernels = if summary.kernels == 1 { "kernel" } else { "kernels" };
    format!(
        "{green}: {} passed{flaky}, {} failed, {} skipped; {} {kernels}, {} failed; {:.1} s\n",
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
    fn the_table_shows_tests_by_kernels_and_why_some_were_skipped() {
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
        assert!(text.contains("\nFAIL on 5.10, 6.1: maps fails: because"), "{text}");
        assert!(text.contains("\nflaky on 5.10, 6.1: maps flaky\n"), "{text}");
        assert!(text.contains("\n5.10: PANIC: it panicked\n"), "{text}");
        assert!(
            text.ends_with(
                "NOT GREEN: 4 passed (2 flaky), 4 failed, 2 skipped; 2 kernels, 1 failed; 3.0 s\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn the_summary_has_the_singular_for_one_kernel() {
        let summary = sample().into_iter().find_map(|event| match event {
            Event::Summary(summary) => Some(summary),
            _ => None,
        });
        let said = |kernels| sum(&Summary { kernels, ..summary.clone().unwrap() });
        assert!(said(1).contains("; 1 kernel, "), "{}", said(1));
        assert!(said(2).contains("; 2 kernels, "), "{}", said(2));
    }

    #[test]
    fn kernels_that_do_not_fit_are_in_another_table() {
        let text = table_in(20, &sample());
        let heads: Vec<&str> = text.lines().filter(|line| line.starts_with("   ")).collect();
        assert_eq!(
            heads.iter().map(|line| line.trim()).collect::<Vec<_>>(),
            ["5.10", "6.1"],
            "{text}"
        );
        assert_eq!(text.matches("\nmaps fails ").count(), 2, "{text}");
    }

    #[test]
    fn a_download_is_shown_with_its_size() {
        let step = |done, size| Progress::Fetching {
            kernel: "6.1".to_owned(),
            download: Download { done, begins: done == 0, ..Download::of("linux-image", size) },
        };
        let (mut pipe, mut live) = (Terminal::new(), Terminal::new());
        (pipe.live, live.live) = (false, true);
        assert_eq!(pipe.take(&step(0, Some(95_400_000))), "   6.1  fetches linux-image (96 MB)\n");
        assert_eq!(pipe.take(&step(40_000_000, Some(95_400_000))), "", "one line for a download");
        assert_eq!(live.take(&step(40_000_000, Some(95_400_000))), "");
        assert_eq!(live.running["6.1"], "fetches linux-image, 40 MB of 96 MB (41 %)");
        live.take(&step(1_230_000, None));
        assert_eq!(live.running["6.1"], "fetches linux-image, 1.3 MB");
        live.take(&step(0, None));
        assert_eq!(live.running["6.1"], "fetches linux-image");
        live.take(&Progress::Booting { kernel: "6.1".to_owned() });
        assert_eq!(live.running["6.1"], "boots");
    }

    #[test]
    fn a_failure_before_the_guests_is_shown_once_for_all_kernels() {
        let reason = "apt-get failed: no network";
        let mut events = Vec::new();
        let (mut sample_test, mut sample_kernel) = (None, None);
        for event in sample() {
            match event {
                Event::Test(test) => sample_test = Some(test),
                Event::Kernel(kernel) => sample_kernel = Some(kernel),
                Event::Summary(_) => {}
            }
        }
        let (test, kernel) = (sample_test.unwrap(), sample_kernel.unwrap());
        for name in ["5.10", "6.1"] {
            for number in 0..3 {
                events.push(Event::Test(TestResult {
                    kernel: name.to_owned(),
                    test: format!("t{number}"),
                    outcome: Outcome::NotRun,
                    reason: Some(format!("fetch-failed: {reason}")),
                    ..test.clone()
                }));
            }
            events.push(Event::Kernel(KernelResult {
                kernel: name.to_owned(),
                outcome: "fetch-failed".to_owned(),
                reason: Some(reason.to_owned()),
                advice: Some("check the network".to_owned()),
                guests: 0,
                ..kernel.clone()
            }));
        }
        let mut shown = Terminal::new();
        let progress = |event: &Event| Progress::Event(Box::new(event.clone()));
        let mut said: String = events.iter().map(|event| shown.take(&progress(event))).collect();
        assert_eq!(said, "  5.10  fetch-failed\n   6.1  fetch-failed\n");
        said += &conclusion(&events);
        assert_eq!(said.matches(reason).count(), 1, "{said}");
        assert!(said.contains(
            "5.10, 6.1: FETCH-FAILED: apt-get failed: no network\n  help: check the network\n6 tests were not run\n"
        ), "{said}");
    }

    #[test]
    fn without_a_guest_no_engine_is_named() {
        let kernel = |engine| {
            let events = sample();
            let event = events.into_iter().find_map(|event| match event {
                Event::Kernel(kernel) => Some(kernel),
                _ => None,
            });
            let counts = Counts { passed: 1, ..Counts::default() };
            finished(&KernelResult { engine, ..event.unwrap() }, counts)
        };
        assert!(
            kernel(Some(crate::machine::Engine::Tcg)).contains("1.5 s (tcg, snapshot)  5.10.0")
        );
        assert!(kernel(None).contains("1.5 s  5.10.0"));
    }

    #[test]
    fn a_hostile_name_or_output_does_not_control_the_terminal() {
        let text = table(&super::super::grid::hostile());
        assert!(!text.contains(['\u{1b}', '\r', '\u{9b}', '\u{202e}']), "{text:?}");
        let Event::Test(first) = &super::super::grid::hostile()[0] else { panic!("a test") };
        let lines = log_lines(&failed(first));
        assert!(!lines.contains(['\u{1b}', '\r', '\u{9b}', '\u{202e}']), "{lines:?}");
        // A line end in a name does not start a new line in the report.
        assert!(!text.lines().chain(lines.lines()).any(|line| line.starts_with("::")), "{text}");
    }

    #[test]
    fn a_long_table_shows_a_binary_without_failures_as_one_row() {
        let mut events = sample();
        let mut add = |binary: &str, number: usize, outcome| {
            let Event::Test(sample) = &events[0] else { panic!("the first event is a test") };
            let test = format!("test{number}");
            let binary = binary.to_owned();
            let new = [("5.10", outcome), ("6.1", Outcome::Passed)].map(|(kernel, outcome)| {
                let kernel = kernel.to_owned();
                let (binary, test) = (binary.clone(), test.clone());
                Event::Test(TestResult { kernel, binary, test, outcome, ..sample.clone() })
            });
            events.extend(new);
        };
        for number in 0..=LONG {
            add("well", number, Outcome::Passed);
        }
        add("ill", 0, Outcome::Failed);
        add("ill", 1, Outcome::Passed);
        let text = table(&events);
        let has = |row: &[&str]| {
            text.lines().any(|line| line.split_whitespace().collect::<Vec<_>>() == row)
        };
        let count = (LONG + 1).to_string();
        assert!(has(&["well", &format!("({count}"), "tests)", "ok", "ok"]), "{text}");
        assert!(
            has(&["ill", "test0", "FAIL", "ok"]) && has(&["ill", "test1", "ok", "ok"]),
            "{text}"
        );
        assert!(!text.contains("well test0"), "{text}");

        let Event::Test(sample) = &events[0] else { panic!("the first event is a test") };
        let [binary, skipping] = ["well", "skips"].map(str::to_owned);
        let outcome = Outcome::Skipped;
        events.push(Event::Test(TestResult { binary, test: skipping, outcome, ..sample.clone() }));
        let text = table(&events);
        assert!(
            text.contains("\nwell skips ")
                && text.contains(&format!("\nwell ({count} other tests) ")),
            "{text}"
        );
    }
}
