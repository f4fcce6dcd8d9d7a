//! Arranges events as a table of tests by kernels. Most reports show this table.

use crate::event::{Event, KernelResult, Summary, TestResult};
use std::collections::BTreeMap;

/// The results of a matrix, arranged by tests and kernels.
#[derive(Debug)]
pub(super) struct Grid<'a> {
    /// The kernels, oldest first.
    pub(super) kernels: Vec<&'a KernelResult>,
    /// The tests, by binary and name, with their results by kernel.
    pub(super) rows: BTreeMap<(&'a str, &'a str), BTreeMap<&'a str, &'a TestResult>>,
    pub(super) summary: Option<&'a Summary>,
}

impl<'a> Grid<'a> {
    pub(super) fn of(events: &'a [Event]) -> Self {
        let mut grid = Self { kernels: Vec::new(), rows: BTreeMap::new(), summary: None };
        for event in events {
            match event {
                Event::Test(test) => {
                    let row = grid.rows.entry((&test.binary, &test.test)).or_default();
                    row.insert(&test.kernel, test);
                }
                Event::Kernel(kernel) => grid.kernels.push(kernel),
                Event::Summary(summary) => grid.summary = Some(summary),
            }
        }
        grid.kernels.sort_by_key(|kernel| version_key(&kernel.kernel));
        grid
    }

    /// Returns the tests that were skipped on some kernels, by binary, test and reason.
    pub(super) fn skips(&self) -> BTreeMap<(&'a str, &'a str, &'a str), Vec<&'a str>> {
        let mut skips: BTreeMap<_, Vec<&'a str>> = BTreeMap::new();
        for ((binary, name), row) in &self.rows {
            for kernel in &self.kernels {
                let result = row.get(kernel.kernel.as_str());
                let Some(result) = result.filter(|result| result.outcome.is_skip()) else {
                    continue;
                };
                let reason = result.reason.as_deref().unwrap_or("no reason given");
                skips.entry((*binary, *name, reason)).or_default().push(&kernel.kernel);
            }
        }
        skips
    }
}

/// Returns the name of a test in reports: the name of the binary, followed by the name of the test
/// if it has one.
pub(super) fn full_name(binary: &str, test: &str) -> String {
    if test.is_empty() { binary.to_owned() } else { format!("{binary} {test}") }
}

/// Returns a key that sorts `6.2` before `6.10`, `6.10` before `6.10-arm64`, and names that are not
/// versions last.
pub(super) fn version_key(kernel: &str) -> (Vec<u32>, &str) {
    let version = kernel.split_once('-').map_or(kernel, |(version, _)| version);
    (version.split('.').map(|part| part.parse().unwrap_or(u32::MAX)).collect(), kernel)
}

/// Events with texts that a malicious guest might choose to break reports.
#[cfg(test)]
pub(super) fn hostile() -> Vec<Event> {
    const TEXT: &str =
        "x\u{1b}[31m\r\u{9b}1A\u{202e}|\\| [l](http://h) <img src=x> ##[error]y\n::error::z";
    let mut events = sample();
    for event in &mut events {
        match event {
            Event::Test(test) => {
                test.outcome = crate::event::Outcome::Failed;
                for text in [&mut test.test, &mut test.binary, &mut test.output] {
                    TEXT.clone_into(text);
                }
                test.reason = Some(TEXT.to_owned());
            }
            Event::Kernel(kernel) => {
                TEXT.clone_into(&mut kernel.release);
                kernel.reason = Some(TEXT.to_owned());
                kernel.console_tail = vec![TEXT.to_owned()];
            }
            Event::Summary(_) => {}
        }
    }
    events
}

/// Events of every kind, for the tests of the reports. They contain text that must be escaped.
#[cfg(test)]
pub(super) fn sample() -> Vec<Event> {
    use crate::event::Outcome;
    use crate::machine::Engine;
    let mut events = Vec::new();
    for (kernel, outcome) in [("5.10", "panic"), ("6.1", "ok")] {
        for (test, outcome, attempts) in [
            ("a<b>::passes", Outcome::Passed, 1),
            ("flaky", Outcome::Passed, 2),
            ("fails", Outcome::Failed, 1),
            ("skips", Outcome::Skipped, 1),
            ("panics", Outcome::GuestFailed, 1),
        ] {
            events.push(Event::Test(TestResult {
                kernel: kernel.to_owned(),
                release: format!("{kernel}.0"),
                binary: "maps".to_owned(),
                test: test.to_owned(),
                outcome,
                reason: (outcome != Outcome::Passed).then(|| "because \"x\" & <y>".to_owned()),
                seconds: 0.25,
                attempts,
                notes: BTreeMap::from([("key".to_owned(), "a|b".to_owned())]),
                output: "</pre><script>alert(1)</script>\u{1b}[31mred".to_owned(),
            }));
        }
        events.push(Event::Kernel(KernelResult {
            kernel: kernel.to_owned(),
            release: format!("{kernel}.0"),
            origin: "a package".to_owned(),
            outcome: outcome.to_owned(),
            reason: (outcome != "ok").then(|| "it panicked".to_owned()),
            advice: None,
            seconds: 1.5,
            engine: Some(Engine::Tcg),
            snapshot: true,
            guests: 1,
            console_tail: vec!["[    1.0] <IRQ>".to_owned()],
            console: None,
        }));
    }
    let summary = Summary::of(&events, 3.0);
    events.push(Event::Summary(summary));
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_ordered_by_version() {
        let mut kernels = ["6.10", "path/bzImage", "5.10", "6.2"];
        kernels.sort_by_key(|kernel| version_key(kernel));
        assert_eq!(kernels, ["5.10", "6.2", "6.10", "path/bzImage"]);
    }
}
