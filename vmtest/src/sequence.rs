//! Checks whether a guest's init could send a record at a given point.

use crate::message::{FromGuest, Status};
use crate::plan::{List, TestBinary};
use std::collections::{BTreeMap, BTreeSet};

/// The state of the tests in a plan, as far as the guest has reported it.
#[derive(Debug)]
pub(crate) struct Sequence<'a> {
    binaries: &'a [TestBinary],
    /// The tests of each binary that can still begin. A binary whose tests are not listed yet has
    /// no entry.
    left: BTreeMap<usize, BTreeSet<String>>,
    running: Option<Attempt>,
    /// The failed attempt that a retry may follow.
    failed: Option<Attempt>,
}

#[derive(Debug, PartialEq, Eq)]
struct Attempt {
    binary: usize,
    test: String,
    number: u32,
}

impl<'a> Sequence<'a> {
    /// Returns the state before the guest has reported anything.
    pub(crate) fn new(binaries: &'a [TestBinary]) -> Self {
        let mut sequence = Self { binaries, left: BTreeMap::new(), running: None, failed: None };
        for (index, binary) in binaries.iter().enumerate() {
            if let Some(list) = &binary.list {
                sequence.listed(index, list);
            }
        }
        sequence
    }

    /// Checks a message, and updates the state.
    ///
    /// # Errors
    /// Fails if init never sends this message at this point. The error is the reason.
    pub(crate) fn check(&mut self, message: &FromGuest) -> Result<(), String> {
        match message {
            FromGuest::Listed { binary, list } => {
                self.is_not_listed(*binary)?;
                self.listed(*binary, list);
            }
            FromGuest::NotListed { binary, .. } => {
                self.is_not_listed(*binary)?;
                self.left.insert(*binary, BTreeSet::new());
            }
            FromGuest::TestStarted { binary, test, attempt } => {
                self.begins(Attempt { binary: *binary, test: test.clone(), number: *attempt })?;
            }
            FromGuest::TestEnded { binary, test, status, .. } => {
                self.ends(*binary, test, *status)?;
            }
            FromGuest::Exited { .. } => self.is_idle()?,
            FromGuest::Ready { .. }
            | FromGuest::Awake
            | FromGuest::Started
            | FromGuest::Heartbeat
            | FromGuest::Failed { .. }
            | FromGuest::End { .. } => {}
        }
        Ok(())
    }

    fn listed(&mut self, index: usize, list: &List) {
        let binary = &self.binaries[index];
        let is_run = |test: &&String| {
            let is_ignored = list.ignored.contains(test) && !binary.filter.include_ignored;
            !is_ignored && binary.filter.takes(test) && !binary.done.contains(test)
        };
        self.left.insert(index, list.tests.iter().filter(is_run).cloned().collect());
    }

    fn is_not_listed(&self, binary: usize) -> Result<(), String> {
        self.is_idle()?;
        if binary >= self.binaries.len() {
            return Err(format!("it lists the tests of binary {binary}, which does not exist"));
        }
        if self.left.contains_key(&binary) {
            return Err(format!("it lists the tests of binary {binary} again"));
        }
        Ok(())
    }

    fn is_idle(&self) -> Result<(), String> {
        match &self.running {
            None => Ok(()),
            Some(running) => Err(format!("it continues while the test `{}` runs", running.test)),
        }
    }

    fn begins(&mut self, begun: Attempt) -> Result<(), String> {
        self.is_idle()?;
        let Attempt { binary, test, number } = &begun;
        let left = self.left.get_mut(binary);
        let is_retry = self.failed.take().is_some_and(|failed| {
            failed.binary == *binary
                && failed.test == *test
                && failed.number.checked_add(1) == Some(*number)
        });
        let is_new = *number == 0 && left.is_some_and(|left| left.remove(test));
        if !is_retry && !is_new {
            return Err(format!(
                "the test `{test}` of binary {binary} begins (attempt {number}), but it is not its turn"
            ));
        }
        self.running = Some(begun);
        Ok(())
    }

    fn ends(&mut self, binary: usize, test: &str, status: Status) -> Result<(), String> {
        let running = self.running.take();
        let Some(ended) = running.filter(|it| it.binary == binary && it.test == test) else {
            return Err(format!(
                "the test `{test}` of binary {binary} ends, but it was not running"
            ));
        };
        let retries = self.binaries.get(binary).map_or(0, |binary| binary.retries);
        let may_be_retried = status.is_tried_again() && ended.number < retries;
        self.failed = Some(ended).filter(|_| may_be_retried);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Filter;
    use std::path::PathBuf;
    use std::time::Duration;

    fn binary(retries: u32) -> TestBinary {
        TestBinary {
            path: PathBuf::from("/b"),
            args: Vec::new(),
            directory: PathBuf::from("/"),
            env: Vec::new(),
            time_out: Duration::ZERO,
            retries,
            threads: 1,
            fail_fast: false,
            filter: Filter::default(),
            list: None,
            done: vec!["done".to_owned()],
        }
    }

    fn list() -> FromGuest {
        let tests = ["a", "b", "done", "ignored"].map(str::to_owned).to_vec();
        FromGuest::Listed { binary: 0, list: List { tests, ignored: vec!["ignored".to_owned()] } }
    }

    fn begin(test: &str, attempt: u32) -> FromGuest {
        FromGuest::TestStarted { binary: 0, test: test.to_owned(), attempt }
    }

    fn end(test: &str, status: Status) -> FromGuest {
        let test = test.to_owned();
        let (seconds, oom_kills, taint, full) = (0.0, 0, 0, false);
        FromGuest::TestEnded { binary: 0, test, status, seconds, oom_kills, taint, full }
    }

    #[test]
    fn messages_of_init_are_accepted() {
        let binaries = [binary(1)];
        let mut sequence = Sequence::new(&binaries);
        for message in [
            FromGuest::Awake,
            FromGuest::Started,
            list(),
            begin("a", 0),
            end("a", Status::Exited(101)),
            begin("a", 1),
            end("a", Status::Exited(101)),
            begin("b", 0),
            end("b", Status::Exited(0)),
            FromGuest::Exited { status: Status::Exited(0), taint: 0 },
        ] {
            assert_eq!(sequence.check(&message), Ok(()), "{message:?}");
        }
    }

    #[test]
    fn any_other_message_is_refused() {
        let other = |message: FromGuest| match message {
            FromGuest::Listed { list, .. } => FromGuest::Listed { binary: 7, list },
            FromGuest::TestStarted { test, attempt, .. } => {
                FromGuest::TestStarted { binary: usize::MAX, test, attempt }
            }
            other => other,
        };
        let failed = Status::Exited(1);
        for (said, refused) in [
            (vec![], other(list())),
            (vec![list()], list()),
            (vec![list()], FromGuest::NotListed { binary: 0, status: failed }),
            (vec![], FromGuest::NotListed { binary: 1, status: failed }),
            (vec![], begin("a", 0)),
            (vec![list()], other(begin("a", 0))),
            (vec![list()], begin("unknown", 0)),
            (vec![list()], begin("done", 0)),
            (vec![list()], begin("ignored", 0)),
            (vec![list()], begin("a", u32::MAX)),
            (vec![list(), begin("a", 0)], begin("b", 0)),
            (vec![list(), begin("a", 0)], end("b", failed)),
            (vec![list(), begin("a", 0)], FromGuest::Exited { status: failed, taint: 0 }),
            (vec![list()], end("a", failed)),
            (vec![list(), begin("a", 0), end("a", Status::Exited(0))], begin("a", 1)),
            (vec![list(), begin("a", 0), end("a", failed)], begin("a", 0)),
        ] {
            let binaries = [binary(1)];
            let mut sequence = Sequence::new(&binaries);
            for message in &said {
                sequence.check(message).unwrap();
            }
            assert!(sequence.check(&refused).is_err(), "{refused:?} after {said:?}");
        }
        let binaries = [binary(0)];
        let mut sequence = Sequence::new(&binaries);
        for message in [list(), begin("a", 0), end("a", failed)] {
            sequence.check(&message).unwrap();
        }
        assert!(sequence.check(&begin("a", 1)).is_err(), "no retries were asked for");
    }
}
