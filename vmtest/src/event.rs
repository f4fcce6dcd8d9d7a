//! The events that a run reports: one for each test, one for each kernel, and a summary at the end.
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
    /// The result of a test on a kernel.
    Test(TestResult),
    /// The result of a kernel's guests.
    Kernel(KernelResult),
    /// The result of the whole run. This is the last event.
    Summary(Summary),
}

/// The result of one test on one kernel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestResult {
    /// The requested name of the kernel, such as `5.10`.
    pub kernel: String,
    /// The kernel's release (`uname -r`). The text is empty if the kernel never booted.
    pub release: String,
    /// The test binary's name, without Cargo's hash.
    pub binary: String,
    /// The test's name in its binary. The text is empty if the result is about the whole binary.
    pub test: String,
    /// The outcome of the test.
    pub outcome: Outcome,
    /// The reason for the outcome, if the outcome alone does not say enough. For a failed test, this
    /// is the first line of the message of the panic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The duration of the test's last attempt in the guest, in seconds.
    pub seconds: f64,
    /// The number of attempts to run the test.
    pub attempts: u32,
    /// The notes of the test. A test makes a note by printing `vmtest:note KEY=VALUE` to its
    /// standard output.
    pub notes: BTreeMap<String, String>,
    /// The standard output and standard error of the test's last attempt.
    pub output: String,
}

named! {
    /// The possible outcomes of a test.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    #[non_exhaustive]
    pub enum Outcome {
        /// The test passed, and the test binary reported that.
        Passed = "passed",
        /// The test ran and failed.
        Failed = "failed",
        /// The test is marked `#[ignore]`, or it reported why it cannot run here.
        Skipped = "skipped",
        /// The test was still running when its time limit expired.
        TimedOut = "timed-out",
        /// The kernel killed the test, or a process that the test started, because memory ran out.
        KilledByOom = "killed-by-oom",
        /// A signal killed the test.
        Crashed = "crashed",
        /// The test's process exited with status 0, but did not report that the test passed.
        EndedEarly = "ended-early",
        /// The test passed, but the kernel became tainted while the test ran. A taint means that
        /// something went wrong in the kernel.
        Tainted = "tainted",
        /// The guest failed while the test ran.
        GuestFailed = "guest-failed",
        /// The test was not run because of an earlier failure.
        NotRun = "not-run",
        /// The test binary did not list its tests.
        NotListed = "not-listed",
        /// The test binary has no tests, or none of its tests was selected.
        NoTests = "no-tests",
    }

    /// Returns the name of this outcome, as shown in reports.
    fn name;
}

impl Outcome {
    /// Returns advice on what to do about a test with this outcome.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Passed => "nothing needs to be done",
            Self::Failed => "read the output of the test",
            Self::Skipped => {
                "read the reason; `--include-ignored` runs tests that are marked `#[ignore]`"
            }
            Self::TimedOut => {
                "read the kernel stacks in the output; to give tests more time, use `--test-time-out`"
            }
            Self::KilledByOom => {
                "give the guest more memory with `--memory`, or make the test use less"
            }
            Self::Crashed => {
                "read the output; `RUST_BACKTRACE=1` shows where a Rust program panicked"
            }
            Self::EndedEarly => "look for a call of `exit` in the test",
            Self::Tainted => {
                "read the kernel's warning in the console log; to allow it, use `--allow` with a part of its text"
            }
            Self::GuestFailed => "read the failure of the kernel, which the report also shows",
            Self::NotRun => "remove the cause of the earlier failure",
            Self::NotListed => {
                "run the test binary with `--list` to see why it does not list its tests"
            }
            Self::NoTests => "check the filters and the names of the tests",
        }
    }

    /// Returns whether a run that contains this outcome can be successful.
    #[must_use]
    pub fn is_green(self) -> bool {
        matches!(self, Self::Passed | Self::Skipped)
    }

    /// Returns whether the test was deliberately not run.
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

/// The result of the guests of one kernel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KernelResult {
    /// The requested name of the kernel, such as `5.10`.
    pub kernel: String,
    /// The kernel's release (`uname -r`). The text is empty if the kernel never booted.
    pub release: String,
    /// The origin of the kernel.
    pub origin: String,
    /// `ok`, or the name of a [`FailureKind`](crate::FailureKind) or an
    /// [`ErrorKind`](crate::ErrorKind).
    pub outcome: String,
    /// The details of the failure, if a guest failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Advice on what to do about the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// The total duration of the kernel's guests on the host, in seconds.
    pub seconds: f64,
    /// The engine that executed the guest, or `None` if no guest was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// Whether the guest was restored from a snapshot.
    pub snapshot: bool,
    /// The number of guests that were started. It is greater than one if a guest failed and another
    /// guest ran the remaining tests.
    pub guests: u32,
    /// The last lines of the console, if the guest failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub console_tail: Vec<String>,
    /// The path of the file with the complete console log, if the log was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console: Option<String>,
}

/// The result of the whole run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Whether at least one test passed and nothing failed.
    pub green: bool,
    /// The number of tests that passed, on all kernels together.
    pub passed: usize,
    /// The number of tests that neither passed nor were skipped.
    pub failed: usize,
    /// The number of tests that were skipped.
    pub skipped: usize,
    /// The number of tests that passed only in a later attempt.
    pub flaky: usize,
    /// The number of kernels.
    pub kernels: usize,
    /// The number of kernels on which a guest failed.
    pub kernels_failed: usize,
    /// The duration of the run, in seconds.
    pub seconds: f64,
}

impl Summary {
    /// Computes the summary of the given events.
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
        // A run without a passed test proves nothing.
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
