//! A session in which a plan is carried out. This is the common interface of all drivers.

use crate::error::Result;
use crate::failure::Failure;
use crate::message::FromGuest;
use crate::wire::Record;
use std::time::Instant;

/// An event in a session.
#[derive(Debug)]
pub(crate) enum Happened {
    /// The runner sent this record.
    Said(Record<FromGuest>),
    /// One of the caller's files can be read. The field is its index.
    Readable(usize),
    /// The caller's deadline has passed.
    Deadline,
    /// The session has ended. The field is the failure, or `None` if the session succeeded.
    Ended(Option<Failure>),
}

/// A session in which a plan is carried out: a guest of this crate's driver, or the equivalent of
/// another driver.
pub(crate) trait Session {
    /// Waits until something happens, or until the deadline has passed.
    fn next(&mut self, deadline: Instant) -> Result<Happened>;

    /// Ends the session for a reason on the host's side.
    fn end(&mut self, failure: Failure) -> Happened;

    /// Returns everything that the session's kernel has printed so far.
    fn console(&self) -> String;

    /// Returns whether the session's guest was restored from a snapshot.
    fn was_restored(&self) -> bool;
}
