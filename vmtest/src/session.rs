//! A session in which a plan is carried out. This is the common interface of all drivers.

use crate::error::Result;
use crate::failure::Failure;
use crate::wire::{FromGuest, Record};
use std::time::Instant;

/// What happened in a session.
#[derive(Debug)]
pub(crate) enum Happened {
    /// The runner sent a record.
    Said(Record<FromGuest>),
    /// One of the caller's files can be read. The field is its index.
    Readable(usize),
    /// The caller's deadline has passed.
    Deadline,
    /// The session has ended. The field is the failure, if any.
    Ended(Option<Failure>),
}

/// A session in which a plan is carried out: a guest of ours, or the equivalent of a different
/// driver.
pub(crate) trait Session {
    /// Waits until something happens, or the deadline has passed.
    fn next(&mut self, deadline: Instant) -> Result<Happened>;

    /// Ends the session for a reason on the host's side.
    fn end(&mut self, failure: Failure) -> Happened;

    /// Returns everything that its kernel has printed so far.
    fn console(&self) -> String;

    /// Whether it was restored from a snapshot.
    fn was_restored(&self) -> bool;
}
