//! A guest that runs one program.

use crate::boot::Booted;
use crate::console::{Complaint, complaints, tail};
use crate::error::Result;
use crate::failure::{Failure, FailureKind};
use crate::machine::Machine;
use crate::message::{FromGuest, Status, Stream, ToGuest};
use crate::run::Run;
use crate::session::Happened;
use crate::taint::faults;
use crate::wire::Record;
use std::os::fd::BorrowedFd;
use std::time::Instant;

/// A guest that runs one program. Its methods are similar to those of [`std::process::Child`].
///
/// The guest is killed when this value is dropped, and when the thread that started it ends.
///
/// ```no_run
/// use bpfmap_vmtest::kernel::Packages;
/// use bpfmap_vmtest::{Ended, Guest, Init, Kernel, Machine, Run};
///
/// # fn main() -> bpfmap_vmtest::Result<()> {
/// let mut machine = Machine::new(Kernel::debian("6.1", &Packages::configured())?, Init::find()?)?;
/// machine.choose_engine()?;
/// let mut cat = Guest::start(&machine, &Run::new("cat"))?;
/// cat.write(b"in and out");
/// cat.end_input();
/// let output = cat.wait_with_output()?;
/// assert_eq!(output.ended, Ended::Exited(0));
/// assert_eq!(output.stdout, b"in and out");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Guest {
    booted: Booted,
    deadline: Option<Instant>,
    started: bool,
    /// Input that is kept until the program starts, because nobody reads the guest's serial port
    /// before that.
    held: Vec<Input>,
    input_ended: bool,
    status: Option<Status>,
    /// The bits of the kernel's taint that were set since the program started.
    taint: u64,
}

/// An event in a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GuestEvent {
    /// The guest has booted and loaded the modules, and now starts the program.
    Started,
    /// The program wrote this to its standard output.
    Stdout(Vec<u8>),
    /// The program wrote this to its standard error.
    Stderr(Vec<u8>),
    /// The program's run has ended in this way.
    Ended(Ended),
}

/// How the run of a program in a guest ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// The program exited with this status.
    Exited(i32),
    /// This signal killed the program.
    Signaled(i32),
    /// The guest failed. The second field contains the last lines of the guest's console.
    Failed(Failure, Vec<String>),
}

/// Everything that a guest produced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// How the run of the program ended.
    pub ended: Ended,
    /// What the program wrote to its standard output.
    pub stdout: Vec<u8>,
    /// What the program wrote to its standard error.
    pub stderr: Vec<u8>,
    /// What the kernel printed.
    pub console: String,
}

/// Input for the program in a guest.
#[derive(Debug)]
enum Input {
    Bytes(Vec<u8>),
    Message(ToGuest),
}

/// The end of a wait: an event of the guest, a readable file of the caller, or the deadline.
#[derive(Debug)]
pub(crate) enum Polled {
    Event(GuestEvent),
    /// One of the files can be read. The field is its index.
    Readable(usize),
    Deadline,
}

impl Guest {
    /// Starts a guest that runs a program. If the machine uses snapshots, the guest is restored
    /// from a snapshot, which is taken first if necessary. Otherwise, the guest is booted cold.
    ///
    /// # Errors
    /// Fails if the program or a file that it needs can't be read, or if QEMU can't be run. A
    /// failure inside the guest is reported by [`Ended`] instead.
    pub fn start(machine: &Machine, run: &Run) -> Result<Self> {
        let booted = Booted::start(machine, run.payload(machine)?)?;
        let deadline = run.time_out.map(|limit| Instant::now() + limit);
        Ok(Self {
            booted,
            deadline,
            started: false,
            held: Vec::new(),
            input_ended: false,
            status: None,
            taint: 0,
        })
    }

    /// Waits for the next event of the guest. Returns `None` if the deadline passes first.
    ///
    /// # Errors
    /// Fails if the system call that waits fails.
    pub fn next(&mut self, deadline: Option<Instant>) -> Result<Option<GuestEvent>> {
        Ok(match self.poll(&[], deadline)? {
            Polled::Event(event) => Some(event),
            Polled::Readable(_) | Polled::Deadline => None,
        })
    }

    /// Ends the program's input, waits for the guest to end, and returns everything that the guest
    /// produced.
    ///
    /// # Errors
    /// Fails if the system call that waits fails.
    pub fn wait_with_output(mut self) -> Result<Output> {
        self.end_input();
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        loop {
            match self.next(None)? {
                Some(GuestEvent::Stdout(bytes)) => stdout.extend(bytes),
                Some(GuestEvent::Stderr(bytes)) => stderr.extend(bytes),
                Some(GuestEvent::Ended(ended)) => {
                    return Ok(Output { ended, stdout, stderr, console: self.console() });
                }
                Some(GuestEvent::Started) | None => {}
            }
        }
    }

    /// Sends bytes to the program's standard input. The bytes pass through a serial port, which
    /// transfers about ten kilobytes per second in an emulated guest. If the input is known
    /// beforehand, [`Run::input`] is faster.
    pub fn write(&mut self, bytes: &[u8]) {
        self.give(Input::Bytes(bytes.to_owned()));
    }

    /// Ends the program's standard input once the program has read everything that was sent.
    pub fn end_input(&mut self) {
        if !std::mem::replace(&mut self.input_ended, true) {
            self.give(Input::Message(ToGuest::InputEnded));
        }
    }

    /// Sends the program a signal.
    pub fn signal(&mut self, number: i32) {
        self.give(Input::Message(ToGuest::Signal { number }));
    }

    /// Kills the guest immediately, and returns how the run ended.
    pub fn kill(&mut self) -> Ended {
        self.interrupt("it was killed")
    }

    /// Returns everything that the kernel has printed so far.
    #[must_use]
    pub fn console(&self) -> String {
        self.booted.console()
    }

    /// Returns the kernel's first complaint that is not allowed, as a failure. The kernel's taint
    /// also reveals complaints that were not printed.
    pub(crate) fn complained(&self, allowed: &[String]) -> Option<Failure> {
        let complaints = complaints(&self.console());
        let is_allowed = |complaint: &Complaint| complaint.is_allowed(allowed);
        let detail = match complaints.iter().find(|complaint| !is_allowed(complaint)) {
            Some(complaint) => complaint.text.clone(),
            None if complaints.is_empty() => faults(self.taint)?,
            None => return None,
        };
        Some(Failure::new(FailureKind::Warning, detail))
    }

    pub(crate) fn interrupt(&mut self, why: &str) -> Ended {
        self.end(Failure::new(FailureKind::Interrupted, why))
    }

    pub(crate) fn resize(&mut self, (rows, columns): (u16, u16)) {
        self.give(Input::Message(ToGuest::Window { rows, columns }));
    }

    /// Returns whether the program has started.
    pub(crate) fn has_started(&self) -> bool {
        self.started
    }

    /// Returns whether the guest accepts more input for its program.
    pub(crate) fn is_hungry(&self) -> bool {
        self.booted.is_hungry()
    }

    /// Waits until something happens in the guest, or until one of the caller's files becomes
    /// readable.
    pub(crate) fn poll(
        &mut self,
        files: &[BorrowedFd<'_>],
        deadline: Option<Instant>,
    ) -> Result<Polled> {
        let until = self.deadline.into_iter().chain(deadline).min();
        loop {
            let event = match self.booted.next(files, until)? {
                Happened::Said(Record::Bytes(Stream::Stdout, bytes)) => GuestEvent::Stdout(bytes),
                Happened::Said(Record::Bytes(Stream::Stderr, bytes)) => GuestEvent::Stderr(bytes),
                Happened::Said(Record::Message(FromGuest::Started)) => {
                    self.started = true;
                    for input in std::mem::take(&mut self.held) {
                        self.give(input);
                    }
                    GuestEvent::Started
                }
                Happened::Said(Record::Message(message)) => {
                    if let FromGuest::Exited { status, taint } = message {
                        (self.status, self.taint) = (Some(status), taint);
                    }
                    continue;
                }
                Happened::Readable(index) => return Ok(Polled::Readable(index)),
                Happened::Deadline if self.deadline.is_some_and(|end| end <= Instant::now()) => {
                    let failure =
                        Failure::new(FailureKind::TimedOut, "the program's time limit expired");
                    GuestEvent::Ended(self.end(failure))
                }
                Happened::Deadline => return Ok(Polled::Deadline),
                Happened::Ended(failure) => GuestEvent::Ended(self.ended(failure)),
            };
            return Ok(Polled::Event(event));
        }
    }

    fn give(&mut self, input: Input) {
        match input {
            input if !self.started => self.held.push(input),
            Input::Bytes(bytes) => self.booted.feed(&bytes),
            Input::Message(message) => self.booted.tell(&message),
        }
    }

    fn end(&mut self, failure: Failure) -> Ended {
        self.status = None;
        match self.booted.end(failure) {
            Happened::Ended(failure) => self.ended(failure),
            _ => self.ended(None),
        }
    }

    fn ended(&self, failure: Option<Failure>) -> Ended {
        let failure = match (failure, self.status) {
            (Some(failure), _) => failure,
            (None, Some(Status::Exited(code))) => return Ended::Exited(code),
            (None, Some(Status::Signaled(signal))) => return Ended::Signaled(signal),
            (None, Some(Status::TimedOut | Status::Stuck) | None) => Failure::new(
                FailureKind::ResultsCutShort,
                "the guest did not report how the program ended",
            ),
        };
        Ended::Failed(failure, tail(&self.console(), 20))
    }
}
