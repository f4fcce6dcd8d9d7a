//! The progress of a running matrix.

use crate::event::Event;
use crate::kernel::Download;

/// A step in the progress of a running matrix.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Progress {
    /// A file of a kernel is downloaded.
    Fetching {
        /// The name of the kernel.
        kernel: String,
        /// The file, and the part of it that has arrived.
        download: Download,
    },
    /// A guest boots a kernel.
    Booting {
        /// The name of the kernel.
        kernel: String,
    },
    /// A test begins.
    Testing {
        /// The name of the kernel.
        kernel: String,
        /// The name of the test.
        test: String,
    },
    /// The final result of a test, of a kernel, or of the whole run.
    Event(Box<Event>),
}
