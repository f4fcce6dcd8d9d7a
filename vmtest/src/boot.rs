//! Starts the guests of a machine. A guest is restored from a snapshot if a snapshot exists or can
//! be taken. Otherwise, the guest is booted cold.

use crate::error::Result;
use crate::failure::{Failure, FailureKind};
use crate::launch;
use crate::machine::Machine;
use crate::message::{FromGuest, ToGuest};
use crate::session::{Happened, Session};
use crate::snapshot::Snapshot;
use crate::vm::Vm;
use crate::wire::Record;
use std::os::fd::BorrowedFd;
use std::time::Instant;

/// A virtual machine that runs a payload. It is killed when this value is dropped.
#[derive(Debug)]
pub(crate) struct Booted {
    vm: Vm,
    /// The snapshot that the guest was restored from, if any.
    snapshot: Option<Snapshot>,
    /// Everything that is necessary to boot the machine without the snapshot. This is dropped as
    /// soon as the guest has shown that it works.
    fallback: Option<Fallback>,
}

#[derive(Debug)]
struct Fallback {
    machine: Machine,
    payload: Vec<u8>,
}

impl Booted {
    /// Starts a guest that carries out the plan in the payload.
    pub(crate) fn start(machine: &Machine, payload: Vec<u8>) -> Result<Self> {
        let wanted = machine.snapshots && machine.gdb.is_none();
        // If taking a snapshot of the machine fails, the error is ignored here, because the cold
        // boot reports the reason.
        let Some(snapshot) = wanted.then(|| Snapshot::of(machine).ok()).flatten() else {
            let vm = launch::boot(machine, &payload)?;
            return Ok(Self { vm, snapshot: None, fallback: None });
        };
        let vm = snapshot.restore(machine, &payload)?;
        let fallback = Fallback { machine: machine.clone(), payload };
        Ok(Self { vm, snapshot: Some(snapshot), fallback: Some(fallback) })
    }

    /// Waits until something happens in the guest, or one of the caller's files becomes readable.
    pub(crate) fn next(
        &mut self,
        files: &[BorrowedFd<'_>],
        deadline: Option<Instant>,
    ) -> Result<Happened> {
        let happened = self.vm.next(files, deadline)?;
        match &happened {
            Happened::Said(Record::Message(FromGuest::Awake)) => self.fallback = None,
            Happened::Ended(Some(failure)) => match self.fallback.take() {
                // The guest failed so early that the snapshot is the likely cause.
                Some(fallback) => {
                    self.discard_snapshot();
                    self.snapshot = None;
                    self.vm = launch::boot(&fallback.machine, &fallback.payload)?;
                    return self.vm.next(files, deadline);
                }
                None => self.suspect_snapshot(failure),
            },
            _ => {}
        }
        Ok(happened)
    }

    /// Removes the snapshot of a guest that hung or panicked. The snapshot may lack something, such
    /// as a timer or a page of memory, and the next guest must not inherit that fault.
    fn suspect_snapshot(&mut self, failure: &Failure) {
        if failure.kind == FailureKind::Hang || failure.kind.may_be_the_snapshots() {
            self.discard_snapshot();
        }
    }

    fn discard_snapshot(&mut self) {
        if let Some(snapshot) = &self.snapshot {
            snapshot.discard();
        }
    }

    /// Ends the guest for a reason on the host's side.
    pub(crate) fn end(&mut self, failure: Failure) -> Happened {
        self.suspect_snapshot(&failure);
        self.vm.end(failure)
    }

    /// Returns everything that the kernel has printed so far.
    pub(crate) fn console(&self) -> String {
        self.vm.console()
    }

    /// Sends a message to the guest. An error is ignored, because other functions notice that the
    /// guest has ended.
    pub(crate) fn tell(&mut self, message: &ToGuest) {
        self.vm.tell(message);
    }

    /// Sends input to the guest's program.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.vm.feed(bytes);
    }

    /// Returns whether the guest accepts more input for its program.
    pub(crate) fn is_hungry(&self) -> bool {
        self.vm.is_hungry()
    }
}

impl Session for Booted {
    fn next(&mut self, deadline: Instant) -> Result<Happened> {
        self.next(&[], Some(deadline))
    }

    fn end(&mut self, failure: Failure) -> Happened {
        self.end(failure)
    }

    fn console(&self) -> String {
        self.console()
    }

    fn was_restored(&self) -> bool {
        self.snapshot.is_some() && self.fallback.is_none()
    }
}
