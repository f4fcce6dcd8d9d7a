//! What a run reports: one event a test, one a kernel, and a summary at the end.
//!
//! As JSON lines, an event is an object whose `type` is `test`, `kernel` or `summary`.

use crate::machine::Engine;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// One line of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Event {
    /// How a test went on a kernel.
    Test(TestResult),
    /// How a kernel's guest went.
    Kernel(KernelResult),
    /// How it all went; the last event.
    Summary(Summary),
}

/// How one test went on one kernel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestResult {
    /// The kernel, as it was asked for: `5.10`.
    pub kernel: String,
    /// What the kernel calls itself (`uname -r`); empty if it never booted.
    pub release: String,
    /// The test binary's name, without Cargo's hash.
    pub binary: String,
    /// The test's name in its binary; empty if the binary as a whole has a problem.
    pub test: String,
    /// How it went.
    pub outcome: Outcome,
    /// Why, where the outcome alone doesn't tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How long its last attempt took in the guest, in seconds.
    pub seconds: f64,
    /// How often it was run.
    pub attempts: u32,
    /// What it noted, by `vmtest:note KEY=VALUE` on its standard output.
    pub notes: BTreeMap<String, String>,
    /// What its last attempt wrote to its standard output and error.
    pub output: String,
}

named! {
    /// How a test can go.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    #[non_exhaustive]
    pub enum Outcome {
        /// It ran and passed, and the test binary said so.
        Passed = "passed",
        /// It ran and failed.
        Failed = "failed",
        /// It said that it can't be run here, and why, or is marked `#[ignore]`.
        Skipped = "skipped",
        /// It was still running when its time was up.
        TimedOut = "timed-out",
        /// The kernel killed it, or a process of it, because memory ran out.
        KilledByOom = "killed-by-oom",
        /// A signal killed it.
        Crashed = "crashed",
        /// Its process ended as if all were well, but never said that the test passed.
        EndedEarly = "ended-early",
        /// It passed, but the kernel is tainted since it ran: something went wrong in it.
        Tainted = "tainted",
        /// The guest failed while it ran.
        GuestFailed = "guest-failed",
        /// It was not run, because what came before failed.
        NotRun = "not-run",
        /// The test binary did not list its tests.
        NotListed = "not-listed",
        /// The test binary has no tests, or none was selected.
        NoTests = "no-tests",
    }

    /// The name that reports use.
    fn name;
}

impl Outcome {
    /// Whether a run with this outcome can be green.
    #[must_use]
    pub fn is_green(self) -> bool {
        matches!(self, Self::Passed | Self::Skipped)
    }

    /// Whether it was not run on purpose.
    #[must_use]
    pub fn is_skip(self) -> bool {
        self == Self::Skipped
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How the guests of one kernel went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KernelResult {
    /// The kernel, as it was asked for: `5.10`.
    pub kernel: String,
    /// What the kernel calls itself; empty if it never booted.
    pub release: String,
    /// Where it came from.
    pub origin: String,
    /// `ok`, or the name of a [`FailureKind`](crate::FailureKind) or an
    /// [`ErrorKind`](crate::ErrorKind).
    pub outcome: String,
    /// What exactly went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// How long it all took on the host, in seconds.
    pub seconds: f64,
    /// What executed the guest.
    pub engine: Engine,
    /// Whether the guest was restored from a snapshot.
    pub snapshot: bool,
    /// How many guests were started: more than one if one failed and others went on.
    pub guests: u32,
    /// The last lines of the console, if the guest failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub console_tail: Vec<String>,
    /// The file with the whole console log, if it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console: Option<String>,
}

/// How it all went.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Whether everything is proven to be well.
    pub green: bool,
    /// How many tests passed, on all kernels together.
    pub passed: usize,
    /// How many did neither pass nor say that they were skipped.
    pub failed: usize,
    /// How many were skipped.
    pub skipped: usize,
    /// How many passed only when run again.
    pub flaky: usize,
    /// How many kernels there were.
    pub kernels: usize,
    /// How many of them failed themselves.
    pub kernels_failed: usize,
    /// How long it took, in seconds.
    pub seconds: f64,
}

impl Summary {
    /// Sums events up.
    #[must_use]
    pub fn of(events: &[Event], seconds: f64) -> Self {
        let mut summary = Self { seconds, ..Self::default() };
        for event in events {
            match event {
                Event::Test(test) => match test.outcome {
                    Outcome::Passed => {
                        summary.passed += 1;
                        summary.flaky += usize::from(test.attempts > 1);
                    }
                    Outcome::Skipped => summary.skipped += 1,
                    _ => summary.failed += 1,
                },
                Event::Kernel(kernel) => {
                    summary.kernels += 1;
                    summary.kernels_failed += usize::from(kernel.outcome != "ok");
                }
                Event::Summary(_) => {}
            }
        }
        // Nothing run is nothing proven.
        summary.green = summary.failed == 0 && summary.kernels_failed == 0 && summary.passed > 0;
        summary
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(outcome: Outcome) -> Event {
        Event::Test(TestResult {
            kernel: "6.1".into(),
            release: "6.1.0".into(),
            binary: "b".into(),
            test: "t".into(),
            outcome,
            reason: None,
            seconds: 0.5,
            attempts: 1,
            notes: BTreeMap::from([("key".into(), "value".into())]),
            output: String::new(),
        })
    }

    #[test]
    fn an_event_is_one_object_with_its_type() {
        let event = test(Outcome::KilledByOom);
        let json = serde_json::to_string(&event).unwrap();
        assert!(json.starts_with(r#"{"type":"test","kernel":"6.1""#), "{json}");
        assert!(
            json.contains(r#""outcome":"killed-by-oom""#)
                && json.contains(r#""notes":{"key":"value"}"#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
    }

    #[test]
    fn nothing_is_green_by_default() {
        assert!(!Summary::of(&[], 0.0).green);
        assert!(!Summary::of(&[test(Outcome::Skipped)], 0.0).green);
        assert!(Summary::of(&[test(Outcome::Passed), test(Outcome::Skipped)], 0.0).green);
        for outcome in [
            Outcome::Failed,
            Outcome::EndedEarly,
            Outcome::NotRun,
            Outcome::GuestFailed,
            Outcome::Tainted,
            Outcome::NoTests,
        ] {
            assert!(!Summary::of(&[test(Outcome::Passed), test(outcome)], 0.0).green);
        }
    }
}
