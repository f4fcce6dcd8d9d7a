//! What a plan is carried out in: the interface that drivers have in common.

use crate::error::Result;
use crate::failure::Failure;
use crate::wire::{FromGuest, Record};
use std::time::Instant;

/// What happened in a session.
#[derive(Debug)]
pub(crate) enum Happened {
    /// The runner said something.
    Said(Record<FromGuest>),
    /// One of the caller's files can be read: its index.
    Readable(usize),
    /// The caller's time is up.
    Deadline,
    /// It has ended: well, or not.
    Ended(Option<Failure>),
}

/// Something in which a plan is carried out: a guest of ours, or whatever else a driver has.
pub(crate) trait Session {
    /// Waits until something happens, or the deadline has come.
    fn next(&mut self, deadline: Instant) -> Result<Happened>;

    /// Ends it for a reason of our own.
    fn end(&mut self, failure: Failure) -> Happened;

    /// All that its kernel has printed so far.
    fn console(&self) -> String;

    /// Whether it came from a snapshot.
    fn was_restored(&self) -> bool;
}
