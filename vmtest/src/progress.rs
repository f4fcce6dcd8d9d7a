//! What a matrix tells while it runs.

use crate::event::Event;

/// What a matrix tells while it runs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Progress {
    /// A kernel's guest boots.
    Booting {
        /// The kernel.
        kernel: String,
    },
    /// A test begins.
    Testing {
        /// The kernel.
        kernel: String,
        /// The test's name.
        test: String,
    },
    /// Something is known for good.
    Event(Box<Event>),
}
