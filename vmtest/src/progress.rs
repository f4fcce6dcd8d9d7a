//! The progress of a running matrix.

use crate::event::Event;

/// A step in the progress of a running matrix.
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
    /// A final result.
    Event(Box<Event>),
}
