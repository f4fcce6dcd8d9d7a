//! Runs tests on this machine instead of in a guest: the same runner, without a kernel of its own.

use crate::error::{Context as _, Result};
use crate::failure::{Failure, FailureKind};
use crate::initramfs::Init;
use crate::plan::Plan;
use crate::session::{Happened, Session};
use crate::wire::{Decoder, FromGuest, Record};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The subcommand, which no user needs, that makes `bpfmap-vmtest` the runner.
pub(crate) const RUNNER: &str = "run-plan";

/// The runner, as a process of this machine. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct HostSession {
    runner: Child,
    stream: UnixStream,
    decoder: Decoder,
    complete: bool,
    failed: Option<String>,
    // It goes when the runner does.
    _plan: tempfile::NamedTempFile,
}

impl HostSession {
    /// Starts the runner with a plan.
    pub(crate) fn start(plan: &Plan) -> Result<Self> {
        let file = tempfile::NamedTempFile::new().doing("make a temporary file")?;
        let json = serde_json::to_vec(plan).expect("a plan is plain data");
        std::fs::write(file.path(), json).at("write", file.path())?;
        let (stream, theirs) = UnixStream::pair().doing("make a pair of sockets")?;
        let program = Init::program()?;
        let mut command = Command::new(&program);
        command.arg(RUNNER).arg(file.path());
        let runner = command
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()
            .at("run", &program)?;
        let decoder = Decoder::default();
        Ok(Self { runner, stream, decoder, complete: false, failed: None, _plan: file })
    }

    fn finish(&mut self) -> Happened {
        let status = self.runner.wait();
        let failure = match (&self.failed, status) {
            (Some(what), _) => Some(Failure::new(FailureKind::GuestSetup, what.clone())),
            (None, Ok(status)) if status.success() && self.complete => None,
            (None, Ok(status)) => {
                let detail = format!("the runner ended with {status}");
                Some(Failure::new(FailureKind::ResultsCutShort, detail))
            }
            (None, Err(error)) => {
                Some(Failure::new(FailureKind::ResultsCutShort, error.to_string()))
            }
        };
        Happened::Ended(failure)
    }
}

impl Session for HostSession {
    fn next(&mut self, deadline: Instant) -> Result<Happened> {
        loop {
            match self.decoder.next() {
                Ok(Some(record)) => {
                    match &record {
                        Record::Message(FromGuest::Failed { what }) => {
                            self.failed = Some(what.clone());
                        }
                        Record::Message(FromGuest::End { records }) => {
                            self.complete = *records + 1 == self.decoder.count();
                        }
                        _ => {}
                    }
                    return Ok(Happened::Said(record));
                }
                Ok(None) => {}
                Err(damage) => {
                    let failure = Failure::new(FailureKind::ResultsDamaged, damage.to_string());
                    return Ok(self.end(failure));
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left.max(Duration::from_millis(1))).unwrap_or_default();
            let mut fds = [PollFd::new(&self.stream, PollFlags::IN)];
            if poll(&mut fds, Some(&left)).doing("wait for the runner")? == 0 {
                return Ok(Happened::Deadline);
            }
            let mut bytes = [0; 16 << 10];
            match self.stream.read(&mut bytes).doing("read from the runner")? {
                0 => return Ok(self.finish()),
                length => self.decoder.push(&bytes[..length]),
            }
        }
    }

    fn end(&mut self, failure: Failure) -> Happened {
        let _ = self.runner.kill();
        let _ = self.runner.wait();
        Happened::Ended(Some(failure))
    }

    fn console(&self) -> String {
        String::new()
    }

    fn was_restored(&self) -> bool {
        false
    }
}

impl Drop for HostSession {
    fn drop(&mut self) {
        let _ = self.runner.kill();
        let _ = self.runner.wait();
    }
}
