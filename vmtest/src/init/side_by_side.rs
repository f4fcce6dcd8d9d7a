//! Runs several tests of a binary at the same time.
//!
//! The host receives the records of a test when the test has ended, so that the records of two tests
//! never mix. Everything that concerns the whole guest (a taint, a process that was killed because
//! memory ran out, a full file system) counts for all tests that ran at the time.

use super::channel::Channel;
use super::process::{Attendant, HEARTBEAT, end_all};
use super::tests::{Ended, run_attempt};
use crate::message::{FromGuest, Status, Stream};
use crate::plan::TestBinary;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel as queue};

/// The number of bytes of output that are kept of an attempt.
const MAX_OUTPUT: usize = 4 << 20;

/// The output of an attempt, and its end.
type Attempt = (Recording, Ended);

/// The tests of a binary, and the signal to start no more of them.
struct Work<'a> {
    index: usize,
    binary: &'a TestBinary,
    env: &'a [(String, String)],
    tests: &'a [&'a String],
    next: AtomicUsize,
    stop: AtomicBool,
}

/// Runs the tests. Returns whether the next binary should be run.
pub(super) fn run(
    channel: &mut Channel,
    index: usize,
    binary: &TestBinary,
    env: &[(String, String)],
    tests: &[&String],
) -> io::Result<bool> {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = Work { index, binary, env, tests, next, stop };
    let (sender, receiver) = queue();
    let result = std::thread::scope(|scope| {
        for _ in 0..binary.threads.min(tests.len()) {
            let (work, sender) = (&work, sender.clone());
            scope.spawn(move || work.run(&sender));
        }
        drop(sender);
        let mut goes_on = true;
        loop {
            let sent = match receiver.recv_timeout(HEARTBEAT) {
                Ok((test, attempts)) => work.tell(channel, test, attempts),
                Err(RecvTimeoutError::Timeout) => {
                    channel.send(&FromGuest::Heartbeat).map(|()| true)
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(goes_on),
            };
            goes_on &= *sent.as_ref().unwrap_or(&false);
            if !goes_on {
                work.stop.store(true, Ordering::Relaxed);
            }
            sent?;
        }
    });
    // Processes that were left running would disturb the next binary.
    end_all();
    result
}

impl Work<'_> {
    /// Runs tests until none is left.
    fn run(&self, done: &Sender<(usize, io::Result<Vec<Attempt>>)>) {
        while !self.stop.load(Ordering::Relaxed) {
            let test = self.next.fetch_add(1, Ordering::Relaxed);
            if test >= self.tests.len() || done.send((test, self.attempts(test))).is_err() {
                break;
            }
        }
    }

    /// Runs a test, and repeats it if that is allowed.
    fn attempts(&self, test: usize) -> io::Result<Vec<Attempt>> {
        let mut attempts = Vec::new();
        for _ in 0..=self.binary.retries {
            let mut recording = Recording::default();
            let (index, binary, test) = (self.index, self.binary, self.tests[test]);
            let ended = run_attempt(&mut recording, index, binary, self.env, test)?;
            let is_last = !ended.status.is_tried_again();
            attempts.push((recording, ended));
            if is_last {
                break;
            }
        }
        Ok(attempts)
    }

    /// Sends the records of a test. Returns whether more tests should be run.
    fn tell(
        &self,
        channel: &mut Channel,
        test: usize,
        attempts: io::Result<Vec<Attempt>>,
    ) -> io::Result<bool> {
        let name = self.tests[test];
        let mut last = Status::Exited(0);
        for (attempt, (recording, ended)) in (0..).zip(attempts?) {
            let (binary, test) = (self.index, name.clone());
            channel.send(&FromGuest::TestStarted { binary, test, attempt })?;
            for (stream, bytes) in recording.pieces {
                channel.send_bytes(stream, &bytes)?;
            }
            last = ended.status;
            channel.send(&ended.message(self.index, name))?;
        }
        let is_enough = self.binary.fail_fast && last != Status::Exited(0);
        Ok(last != Status::Stuck && !is_enough)
    }
}

/// The output of a test, in the order in which it was read.
#[derive(Default)]
struct Recording {
    pieces: Vec<(Stream, Vec<u8>)>,
    length: usize,
}

impl Attendant for Recording {
    fn output(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        let left = MAX_OUTPUT.saturating_sub(self.length);
        if left == 0 {
            return Ok(());
        }
        self.length += bytes.len();
        self.pieces.push((stream, bytes[..bytes.len().min(left)].to_vec()));
        if self.length >= MAX_OUTPUT {
            let note = b"\n[vmtest: the rest of the output is left out]\n".to_vec();
            self.pieces.push((Stream::Stderr, note));
        }
        Ok(())
    }

    fn channel(&mut self) -> Option<&mut Channel> {
        None
    }
}
