//! Sessions whose runner belongs to a different process and communicates through a socket.

use crate::console::tail;
use crate::error::{Context as _, Result};
use crate::failure::{Evidence, Failure, FailureKind};
use crate::message::{FromGuest, ToGuest};
use crate::seal::Key;
use crate::session::{Happened, Session};
use crate::wire::{Decoder, Encoder, Record};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Child;
use std::time::{Duration, Instant};

/// The interval at which this process checks whether a process that has not connected yet is still
/// running.
const LOOK: Duration = Duration::from_millis(200);

/// A connection to the runner, or the socket on which the runner will connect.
#[derive(Debug)]
pub(crate) enum Line {
    /// The runner will connect to this socket.
    Awaited(UnixListener),
    Open(UnixStream),
}

/// A process that is the runner, or that boots a machine in which the runner runs. The process is
/// killed when this value is dropped.
#[derive(Debug)]
pub(crate) struct RemoteSession {
    process: Child,
    /// The name of the process in messages.
    name: &'static str,
    line: Line,
    /// The output of the process, if this output is a kernel's log.
    log: Option<File>,
    decoder: Decoder,
    /// The key with which the runner seals its records.
    key: Key,
    evidence: Evidence,
    /// Files that the process needs as long as it runs.
    _files: tempfile::TempDir,
}

impl RemoteSession {
    pub(crate) fn new(
        process: Child,
        name: &'static str,
        line: Line,
        log: Option<File>,
        files: tempfile::TempDir,
    ) -> Result<Self> {
        let key = Key::random().doing("draw a key")?;
        Ok(Self {
            process,
            name,
            line,
            log,
            decoder: Decoder::sealed(key.clone(), 0),
            key,
            evidence: Evidence::default(),
            _files: files,
        })
    }

    /// Tells the runner to start.
    fn go(&mut self) {
        // A runner on this machine needs no time or random numbers, and a guest uses its own.
        let go = ToGuest::Go { clock: 0, seed: Vec::new(), key: self.key.clone() };
        if let Line::Open(stream) = &mut self.line {
            // If the runner has ended, this is noticed when its records are read.
            let _ = stream.write_all(&Encoder::default().message(&go));
        }
    }

    fn next_record(&mut self) -> Option<Happened> {
        match self.decoder.next() {
            Ok(None) => None,
            Ok(Some(record)) => {
                self.evidence.ready = true;
                match &record {
                    Record::Message(FromGuest::Ready { .. }) => self.go(),
                    Record::Message(FromGuest::Failed { what }) => {
                        self.evidence.guest_failed = Some(what.clone());
                    }
                    Record::Message(FromGuest::End { records }) => {
                        self.evidence.complete = self.decoder.is_last(*records);
                    }
                    _ => {}
                }
                Some(Happened::Said(record))
            }
            Err(damage) => Some(self.end(Failure::from(damage))),
        }
    }

    /// Waits until the connection is open or has data. Returns whether it was closed.
    fn listen(&mut self, limit: Duration) -> Result<bool> {
        let fd = match &self.line {
            Line::Awaited(listener) => listener.as_fd(),
            Line::Open(stream) => stream.as_fd(),
        };
        let limit = Timespec::try_from(limit.max(Duration::from_millis(1))).unwrap_or_default();
        let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
        match poll(&mut fds, Some(&limit)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(false),
            ready => ready.doing("wait for the runner")?,
        };
        match &mut self.line {
            Line::Awaited(listener) => {
                let (stream, _) = listener.accept().doing("accept the runner")?;
                self.line = Line::Open(stream);
                Ok(false)
            }
            Line::Open(stream) => {
                let mut bytes = [0; 16 << 10];
                let length = match stream.read(&mut bytes) {
                    Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => 0,
                    length => length.doing("read from the runner")?,
                };
                self.decoder.push(&bytes[..length]);
                Ok(length == 0)
            }
        }
    }

    /// Waits for the process to end, and returns how the session ended.
    fn finish(&mut self) -> Happened {
        let status = self.process.wait();
        self.evidence.console = self.console();
        let well = status.as_ref().is_ok_and(std::process::ExitStatus::success);
        self.evidence.qemu_status = i32::from(!well);
        let mut failure = self.evidence.failure(well);
        if let Some(failure) = &mut failure
            && let FailureKind::QemuCrashed | FailureKind::QemuFailed = failure.kind
        {
            let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            let last = tail(&self.evidence.console, 3).join("; ");
            failure.detail = format!("{} ended with {status}: {last}", self.name);
        }
        Happened::Ended(failure)
    }
}

impl Session for RemoteSession {
    fn next(&mut self, deadline: Instant) -> Result<Happened> {
        loop {
            if let Some(happened) = self.next_record() {
                return Ok(happened);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let awaited = matches!(self.line, Line::Awaited(_));
            if self.listen(if awaited { left.min(LOOK) } else { left })? {
                return Ok(self.finish());
            }
            if awaited && !matches!(self.process.try_wait(), Ok(None)) {
                return Ok(self.finish());
            }
            if Instant::now() >= deadline {
                return Ok(Happened::Deadline);
            }
        }
    }

    fn end(&mut self, failure: Failure) -> Happened {
        let _ = self.process.kill();
        self.evidence.ended_by_us.get_or_insert(failure);
        self.finish()
    }

    fn console(&self) -> String {
        let Some(log) = &self.log else { return String::new() };
        let length = log.metadata().map_or(0, |metadata| metadata.len());
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        let read = log.read_at(&mut bytes, 0).unwrap_or(0);
        String::from_utf8_lossy(&bytes[..read]).into_owned()
    }

    fn was_restored(&self) -> bool {
        false
    }
}

impl Drop for RemoteSession {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
