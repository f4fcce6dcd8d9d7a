//! The results of the tests on one kernel. Each result is reported as soon as it is available.

use crate::event::{Event, Outcome, TestResult};
use crate::failure::Failure;
use crate::matrix::Matrix;
use crate::plan::List;
use crate::progress::Progress;
use crate::verdict::Verdict;
use std::collections::BTreeMap;
use std::sync::mpsc::Sender;
use std::time::Instant;

/// The message about a binary without tests.
const NO_TESTS: &str = "the binary lists no tests";

/// The results of the tests on one kernel. A binary is identified by its index in the matrix.
pub(crate) struct Results<'a> {
    /// The release that the kernel reports once it has booted.
    pub(crate) release: String,
    matrix: &'a Matrix,
    kernel: &'a str,
    sender: &'a Sender<Progress>,
    /// The tests of each binary.
    names: BTreeMap<usize, Vec<String>>,
    /// The tests of each binary that will be run.
    listed: BTreeMap<usize, Vec<String>>,
    /// The finished tests of each binary, regardless of their outcome.
    done: BTreeMap<usize, Vec<String>>,
    /// The failed attempts of the tests that are repeated in a new guest.
    crashes: BTreeMap<(usize, String), Vec<Crash>>,
}

/// A test whose guest failed.
struct Crash {
    failure: String,
    /// The output of the test before the guest failed.
    said: String,
}

/// The running test.
pub(crate) struct Running {
    pub(crate) binary: usize,
    pub(crate) test: String,
    pub(crate) attempt: u32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) output: Vec<u8>,
    pub(crate) since: Instant,
}

impl<'a> Results<'a> {
    pub(crate) fn new(matrix: &'a Matrix, kernel: &'a str, sender: &'a Sender<Progress>) -> Self {
        Self {
            release: String::new(),
            matrix,
            kernel,
            sender,
            names: BTreeMap::new(),
            listed: BTreeMap::new(),
            done: BTreeMap::new(),
            crashes: BTreeMap::new(),
        }
    }

    /// Returns the finished tests of a binary.
    pub(crate) fn done(&self, binary: usize) -> &[String] {
        self.done.get(&binary).map_or(&[], Vec::as_slice)
    }

    /// Returns whether all tests of a binary are finished.
    pub(crate) fn is_through(&self, binary: usize) -> bool {
        let done = self.done(binary);
        self.listed.get(&binary).is_some_and(|tests| tests.iter().all(|test| done.contains(test)))
    }

    /// Returns whether a test whose guest failed is repeated in a new guest. This depends on the
    /// requested number of retries. If the test is repeated, the failure of the guest and the
    /// output of the test are kept for the result.
    pub(crate) fn is_tried_again(&mut self, test: &Running, failure: &Failure) -> bool {
        let crashes = self.crashes.entry((test.binary, test.test.clone())).or_default();
        let earlier = u32::try_from(crashes.len()).unwrap_or(u32::MAX);
        let again = test.attempt.saturating_add(earlier) < self.matrix.retries;
        if again {
            self.keep(test, &failure.to_string());
        }
        again
    }

    /// Keeps the failure of an earlier guest, and the output of the test in that guest, for the
    /// result of the test.
    pub(crate) fn keep(&mut self, test: &Running, failure: &str) {
        let said = String::from_utf8_lossy(&test.output).into_owned();
        let crashes = self.crashes.entry((test.binary, test.test.clone())).or_default();
        crashes.push(Crash { failure: failure.to_owned(), said });
    }

    /// Records that a binary did not list its tests.
    pub(crate) fn not_listed(&mut self, binary: usize, reason: Option<String>, output: String) {
        self.problem(binary, Outcome::NotListed, reason, output);
        self.listed.insert(binary, Vec::new());
    }

    /// Records a binary's tests, and reports the tests that are left out. Later calls for the same
    /// binary have no effect.
    pub(crate) fn list(&mut self, binary: usize, List { tests, ignored }: &List) {
        if self.listed.contains_key(&binary) {
            return;
        }
        let filter = &self.matrix.filter;
        let (mut wanted, mut left_out) = (Vec::new(), Vec::new());
        for test in tests.iter().filter(|test| filter.takes(test)) {
            let ignored = ignored.contains(test) && !filter.include_ignored;
            if ignored { left_out.push(test.clone()) } else { wanted.push(test.clone()) }
        }
        if tests.is_empty() && !self.matrix.binaries[binary].may_be_empty {
            let reason = Some(NO_TESTS.to_owned());
            self.problem(binary, Outcome::NoTests, reason, String::new());
        }
        for test in left_out {
            let reason = Some("marked #[ignore]".to_owned());
            self.result(binary, test, Outcome::Skipped, reason);
        }
        self.listed.insert(binary, wanted);
        self.names.insert(binary, tests.clone());
    }

    /// Records that a test is finished, and reports its outcome.
    pub(crate) fn ended(&mut self, test: Running, verdict: Verdict, seconds: f64) {
        self.done.entry(test.binary).or_default().push(test.test.clone());
        let crashes = self.crashes.remove(&(test.binary, test.test.clone())).unwrap_or_default();
        let mut output = String::new();
        for Crash { failure, said } in &crashes {
            output.extend(["[tried before: ", failure, "]\n", said]);
        }
        output += &String::from_utf8_lossy(&test.output);
        let earlier = u32::try_from(crashes.len()).unwrap_or(u32::MAX);
        self.event(Event::Test(TestResult {
            kernel: self.kernel.to_owned(),
            release: self.release.clone(),
            binary: self.matrix.binaries[test.binary].name.clone(),
            test: test.test,
            outcome: verdict.outcome,
            reason: verdict.reason,
            seconds,
            attempts: test.attempt.saturating_add(1).saturating_add(earlier),
            notes: verdict.notes,
            output,
        }));
    }

    /// Reports the binaries without selected tests, if all binaries have listed their tests and
    /// none of the tests is selected. A filter that selects tests of only some binaries is probably
    /// intended. A filter that selects no test at all is probably a mistake.
    pub(crate) fn tell_if_none_is_selected(&self, binaries: &[usize]) {
        let filter = &self.matrix.filter;
        let is_idle = |index: &usize| {
            let names = self.names.get(index);
            let may_be_empty = self.matrix.binaries[*index].may_be_empty;
            names.is_some_and(|names| {
                (may_be_empty || !names.is_empty()) && !names.iter().any(|name| filter.takes(name))
            })
        };
        if !binaries.iter().all(is_idle) {
            return;
        }
        for (index, names) in &self.names {
            if binaries.contains(index) {
                let reason =
                    if names.is_empty() { NO_TESTS.to_owned() } else { filter.why_none(names) };
                self.problem(*index, Outcome::NoTests, Some(reason), String::new());
            }
        }
    }

    /// Reports the tests that were not run.
    pub(crate) fn tell_not_run(&self, binaries: &[usize], why: &str) {
        for binary in binaries.iter().copied() {
            let Some(tests) = self.listed.get(&binary) else {
                self.problem(binary, Outcome::NotRun, Some(why.to_owned()), String::new());
                continue;
            };
            let done = self.done(binary);
            for test in tests.iter().filter(|test| !done.contains(test)) {
                self.result(binary, test.clone(), Outcome::NotRun, Some(why.to_owned()));
            }
        }
    }

    /// Reports an event.
    pub(crate) fn event(&self, event: Event) {
        self.tell(Progress::Event(Box::new(event)));
    }

    /// Returns the sender of the progress.
    pub(crate) fn sender(&self) -> Sender<Progress> {
        self.sender.clone()
    }

    /// Reports a step of the progress.
    pub(crate) fn tell(&self, progress: Progress) {
        // The receiver lives as long as this thread, so sending cannot fail.
        let _ = self.sender.send(progress);
    }

    fn problem(&self, binary: usize, outcome: Outcome, reason: Option<String>, output: String) {
        let mut result = self.blank(binary, String::new(), outcome, reason);
        result.output = output;
        self.event(Event::Test(result));
    }

    fn result(&self, binary: usize, test: String, outcome: Outcome, reason: Option<String>) {
        self.event(Event::Test(self.blank(binary, test, outcome, reason)));
    }

    fn blank(
        &self,
        binary: usize,
        test: String,
        outcome: Outcome,
        reason: Option<String>,
    ) -> TestResult {
        TestResult {
            kernel: self.kernel.to_owned(),
            release: self.release.clone(),
            binary: self.matrix.binaries[binary].name.clone(),
            test,
            outcome,
            reason,
            seconds: 0.0,
            attempts: 0,
            notes: BTreeMap::new(),
            output: String::new(),
        }
    }
}
