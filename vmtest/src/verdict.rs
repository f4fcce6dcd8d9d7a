//! Interprets a test's exit status and output. A test has passed only if the test binary says so.

use crate::event::Outcome;
use crate::message::Status;
use crate::taint::{faults, letters};
use std::collections::BTreeMap;

/// The message about a test whose process does not end even when the process is killed.
pub(crate) const STUCK: &str = "its process hangs in the kernel and can't be killed";

/// The outcome of a test's run, with the reason for the outcome.
#[derive(Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    pub(crate) reason: Option<String>,
    pub(crate) notes: BTreeMap<String, String>,
}

impl Verdict {
    /// Determines the outcome from the exit status, the standard output, and the number of
    /// processes that were killed because memory ran out.
    pub(crate) fn of(status: Status, stdout: &str, oom_kills: u64) -> Self {
        let mut notes = BTreeMap::new();
        let mut skip = None;
        for line in stdout.lines() {
            if let Some(note) = command(line, "vmtest:note ") {
                let (key, value) = note.split_once('=').unwrap_or((note, ""));
                notes.insert(key.trim().to_owned(), value.trim().to_owned());
            } else if let Some(reason) = command(line, "vmtest:skip") {
                skip = Some(reason.trim().to_owned());
            }
        }
        let (outcome, reason) = match status {
            Status::TimedOut => (Outcome::TimedOut, None),
            Status::Stuck => (Outcome::TimedOut, Some(STUCK.to_owned())),
            _ if oom_kills > 0 && status != Status::Exited(0) => (
                Outcome::KilledByOom,
                Some("the guest ran out of memory: give it more memory with --memory".to_owned()),
            ),
            Status::Signaled(signal) => {
                (Outcome::Crashed, Some(format!("killed by signal {signal}")))
            }
            Status::Exited(0) if !says_passed(stdout) => (
                Outcome::EndedEarly,
                Some("the process exited with status 0 before the test had passed".to_owned()),
            ),
            Status::Exited(0) => match skip {
                Some(reason) => (Outcome::Skipped, Some(reason)),
                None => (Outcome::Passed, None),
            },
            // The exit status of libtest when a test fails.
            Status::Exited(101) => (Outcome::Failed, None),
            Status::Exited(code) => (Outcome::Failed, Some(format!("exit status {code}"))),
        };
        Self { outcome, reason, notes }
    }

    /// Adds the reason why a test failed, which is in its output.
    pub(crate) fn with_message(mut self, output: &str) -> Self {
        if self.outcome == Outcome::Failed && self.reason.is_none() {
            self.reason = message(output);
        }
        self
    }

    /// Changes the outcome according to the bits of the kernel's taint that were set since the test
    /// began. `is_allowed` returns whether the kernel complained while the test ran, and all of
    /// these complaints are allowed.
    pub(crate) fn with_taint(mut self, taint: u64, is_allowed: impl FnOnce() -> bool) -> Self {
        if taint == 0 {
            return self;
        }
        self.notes.insert("taint".to_owned(), letters(taint));
        if self.outcome.is_green()
            && let Some(faults) = faults(taint)
            && !is_allowed()
        {
            self.outcome = Outcome::Tainted;
            self.reason = Some(faults);
        }
        self
    }
}

/// Returns the text after `word` in a line that begins with `word`. Before `word`, the line may
/// contain the text that a test harness prints before a test's output.
fn command<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let line = line.trim_start();
    let line = match line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ")) {
        Some((_, rest)) => rest,
        None => line,
    };
    line.strip_prefix(word)
}

/// The maximum number of characters of a message in the reason of a failure. The output of the test
/// contains the whole message.
const LONGEST: usize = 200;

/// Returns the first line of the message of a test's first panic, or of the error that the test
/// returned.
fn message(output: &str) -> Option<String> {
    let mut lines = output.lines();
    while let Some(line) = lines.next() {
        let is_panic = line.starts_with("thread '") && line.contains(" panicked at ");
        let found = if is_panic { lines.next() } else { line.strip_prefix("Error: ") };
        let Some(found) = found.map(str::trim).filter(|found| !found.is_empty()) else { continue };
        let mut message: String = found.chars().take(LONGEST).collect();
        if message.len() < found.len() {
            message.push('…');
        }
        return Some(message);
    }
    None
}

/// Returns whether the last line of a libtest harness reports that one test ran and passed.
fn says_passed(stdout: &str) -> bool {
    stdout
        .lines()
        .rev()
        .find_map(|line| line.trim().split_once("test result: "))
        .is_some_and(|(_, result)| result.starts_with("ok. 1 passed; 0 failed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: &str = "\nrunning 1 test\n.\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 7 filtered out; finished in 0.00s\n\n";

    #[test]
    fn the_reason_of_a_failure_is_the_message_of_the_panic_or_the_error() {
        let reason = |status, stderr: &str| Verdict::of(status, "", 0).with_message(stderr).reason;
        let failed = Status::Exited(101);
        let panic = "noise\n\nthread 'one' (7) panicked at src/a.rs:1:2:\nassertion failed: a == b\nnote: run\n";
        assert_eq!(reason(failed, panic).as_deref(), Some("assertion failed: a == b"));
        let error = "Error: Os { code: 2, kind: NotFound }\n";
        assert_eq!(reason(failed, error).as_deref(), Some("Os { code: 2, kind: NotFound }"));
        for nothing in ["", "thread 'one' panicked at src/a.rs:1:2:", "Error: \n"] {
            assert_eq!(reason(failed, nothing), None);
        }
        let long = format!("Error: {}\n", "é".repeat(LONGEST + 1));
        assert_eq!(reason(failed, &long), Some("é".repeat(LONGEST) + "…"));
        // Other outcomes have their own reasons.
        assert_eq!(reason(Status::Exited(3), panic).as_deref(), Some("exit status 3"));
        assert_eq!(reason(Status::Signaled(6), panic).as_deref(), Some("killed by signal 6"));
    }

    #[test]
    fn a_test_passed_if_the_binary_reports_it() {
        let outcome = |status, stdout: &str| Verdict::of(status, stdout, 0).outcome;
        assert_eq!(outcome(Status::Exited(0), OK), Outcome::Passed);
        assert_eq!(outcome(Status::Exited(0), ""), Outcome::EndedEarly);
        let none = OK.replace("ok. 1 passed", "ok. 0 passed");
        assert_eq!(outcome(Status::Exited(0), &none), Outcome::EndedEarly);
        // The test's output does not end with a newline.
        assert_eq!(
            outcome(Status::Exited(0), &format!("text{}", OK.trim_start())),
            Outcome::Passed
        );
        assert_eq!(outcome(Status::Exited(101), OK), Outcome::Failed);
        assert_eq!(outcome(Status::Signaled(11), OK), Outcome::Crashed);
        assert_eq!(outcome(Status::TimedOut, OK), Outcome::TimedOut);
    }

    #[test]
    fn an_out_of_memory_kill_counts_only_if_it_failed_the_test() {
        assert_eq!(Verdict::of(Status::Signaled(9), "", 1).outcome, Outcome::KilledByOom);
        assert_eq!(Verdict::of(Status::Exited(101), OK, 1).outcome, Outcome::KilledByOom);
        assert_eq!(Verdict::of(Status::Exited(0), OK, 1).outcome, Outcome::Passed);
    }

    #[test]
    fn a_taint_of_a_fault_fails_the_test_unless_it_is_allowed() {
        let outcome = |status, taint, allowed| {
            let verdict = Verdict::of(status, OK, 0).with_taint(taint, || allowed);
            (verdict.outcome, verdict.notes.get("taint").cloned())
        };
        let passed = Status::Exited(0);
        assert_eq!(outcome(passed, 0, false), (Outcome::Passed, None));
        assert_eq!(outcome(passed, 1 << 9, false), (Outcome::Tainted, Some("W".to_owned())));
        assert_eq!(outcome(passed, 1 << 9, true), (Outcome::Passed, Some("W".to_owned())));
        // An out-of-tree module is not a failure.
        assert_eq!(outcome(passed, 1 << 12, false), (Outcome::Passed, Some("O".to_owned())));
        assert_eq!(outcome(Status::Exited(101), 1 << 9, false).0, Outcome::Failed);
    }

    #[test]
    fn notes_and_skips_are_read() {
        let said = format!(
            "test a::b ... vmtest:note answer=a=42\nvmtest:note refused\n  vmtest:skip no netkit \n{OK}"
        );
        let verdict = Verdict::of(Status::Exited(0), &said, 0);
        assert_eq!(verdict.outcome, Outcome::Skipped);
        assert_eq!(verdict.reason.as_deref(), Some("no netkit"));
        assert_eq!(verdict.notes["answer"], "a=42");
        assert_eq!(verdict.notes["refused"], "");
        // A test that fails after this message has failed.
        assert_eq!(Verdict::of(Status::Exited(101), &said, 0).outcome, Outcome::Failed);
    }
}
