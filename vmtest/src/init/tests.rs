//! Runs the tests of a libtest binary, each in its own process.

use super::channel::Channel;
use super::guard::{show_kernel_messages, taint};
use super::machine;
use super::process::{Attendant, Forward, command, run_to_end};
use super::side_by_side;
use crate::message::{FromGuest, Status, Stream};
use crate::plan::{List, TestBinary};
use std::io;
use std::process::Command;
use std::time::Instant;

/// Lists and runs the tests. Returns whether the next binary should be run.
pub(super) fn run(
    channel: &mut Channel,
    index: usize,
    binary: &TestBinary,
    env: &[(String, String)],
) -> io::Result<bool> {
    let list = if let Some(known) = &binary.list {
        known.clone()
    } else {
        let Some(list) = list(channel, index, binary, env)? else {
            return Ok(!binary.fail_fast);
        };
        channel.send(&FromGuest::Listed { binary: index, list: list.clone() })?;
        list
    };
    let is_run = |test: &&String| {
        let left_out = list.ignored.contains(test) && !binary.filter.include_ignored;
        !left_out && binary.filter.takes(test) && !binary.done.contains(test)
    };
    let tests: Vec<&String> = list.tests.iter().filter(is_run).collect();
    if binary.threads > 1 && tests.len() > 1 {
        return side_by_side::run(channel, index, binary, env, &tests);
    }
    for test in tests {
        let mut status = Status::Exited(0);
        for attempt in 0..=binary.retries {
            status = run_one(channel, index, binary, env, test, attempt)?;
            if !status.is_tried_again() {
                break;
            }
        }
        // After a process has hung in the kernel, the results of other tests would not be reliable.
        if status == Status::Stuck || (status != Status::Exited(0) && binary.fail_fast) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Asks a binary for its tests. Returns `None` if it does not list them.
fn list(
    channel: &mut Channel,
    index: usize,
    binary: &TestBinary,
    env: &[(String, String)],
) -> io::Result<Option<List>> {
    let mut lists = Vec::new();
    for flags in
        [&["--list", "--format", "terse"][..], &["--list", "--format", "terse", "--ignored"]]
    {
        let mut command = command_of(binary, env);
        command.args(flags);
        let mut listing = Listing { channel, stdout: Vec::new(), stderr: Vec::new() };
        let status = run_to_end(&mut listing, command, binary.time_out)?;
        let Listing { stdout, stderr, .. } = listing;
        if status != Status::Exited(0) {
            channel.send_bytes(Stream::Stdout, &stdout)?;
            channel.send_bytes(Stream::Stderr, &stderr)?;
            channel.send(&FromGuest::NotListed { binary: index, status })?;
            return Ok(None);
        }
        lists.push(parse_list(&String::from_utf8_lossy(&stdout)));
    }
    let ignored = lists.pop().unwrap_or_default();
    Ok(lists.pop().map(|tests| List { tests, ignored }))
}

/// Keeps the output of a binary that lists its tests.
struct Listing<'a> {
    channel: &'a mut Channel,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Attendant for Listing<'_> {
    fn output(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        match stream {
            Stream::Stdout => self.stdout.extend(bytes),
            Stream::Stderr => self.stderr.extend(bytes),
        }
        Ok(())
    }

    fn channel(&mut self) -> Option<&mut Channel> {
        Some(self.channel)
    }
}

/// Parses the output of `--list --format terse`: lines of the form `NAME: test` or `NAME:
/// benchmark`.
fn parse_list(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.strip_suffix(": test").or_else(|| line.strip_suffix(": benchmark")))
        .map(str::to_owned)
        .collect()
}

fn run_one(
    channel: &mut Channel,
    index: usize,
    binary: &TestBinary,
    env: &[(String, String)],
    test: &str,
    attempt: u32,
) -> io::Result<Status> {
    channel.send(&FromGuest::TestStarted { binary: index, test: test.to_owned(), attempt })?;
    let ended = run_attempt(&mut Forward(channel), index, binary, env, test)?;
    let status = ended.status;
    channel.send(&ended.message(index, test))?;
    Ok(status)
}

/// The end of an attempt to run a test.
pub(super) struct Ended {
    pub(super) status: Status,
    seconds: f64,
    oom_kills: u64,
    taint: u64,
    full: bool,
}

impl Ended {
    /// Returns the message about the end of a test.
    pub(super) fn message(self, binary: usize, test: &str) -> FromGuest {
        let Self { status, seconds, oom_kills, taint, full } = self;
        let test = test.to_owned();
        FromGuest::TestEnded { binary, test, status, seconds, oom_kills, taint, full }
    }
}

/// Runs a test once.
pub(super) fn run_attempt(
    attendant: &mut dyn Attendant,
    index: usize,
    binary: &TestBinary,
    env: &[(String, String)],
    test: &str,
) -> io::Result<Ended> {
    // An earlier test may have silenced the kernel.
    show_kernel_messages();
    // This line shows which test was running when the kernel printed the lines after it.
    let _ = std::fs::write("/dev/kmsg", format!("<6>vmtest: begin {index} {test}\n"));
    let mut command = command_of(binary, env);
    // In the terse format, the test's name is not on the line where the test's own output begins.
    command.args(["--exact", test, "--nocapture", "--format", "terse"]);
    if binary.filter.include_ignored {
        command.arg("--include-ignored");
    }
    let (kills, before) = (oom_kills(), taint());
    let start = Instant::now();
    let status = run_to_end(attendant, command, binary.time_out)?;
    let seconds = start.elapsed().as_secs_f64();
    show_kernel_messages();
    let taint = taint() & !before;
    let _ = std::fs::write("/dev/kmsg", format!("<6>vmtest: end {index} {test}\n"));
    let oom_kills = oom_kills().saturating_sub(kills);
    Ok(Ended { status, seconds, oom_kills, taint, full: machine::is_full() })
}

/// Returns a command that runs a binary with its arguments. The environment of the binary is added
/// to the environment of every process.
fn command_of(binary: &TestBinary, env: &[(String, String)]) -> Command {
    let mut command = command(&binary.path, env, &binary.directory);
    command.args(&binary.args);
    command.envs(binary.env.iter().map(|(key, value)| (key, value)));
    command
}

/// Returns the number of processes that the kernel has killed since boot because memory ran out.
fn oom_kills() -> u64 {
    std::fs::read_to_string("/proc/vmstat")
        .ok()
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok()))
        .unwrap_or_default()
}
