//! The messages between host and guest.

use crate::plan::List;
use crate::seal::Key;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The stream of a program's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    Exited(i32),
    Signaled(i32),
    /// The process was still running when its time limit expired.
    TimedOut,
    /// The time limit of the process expired, and the process can't be killed because it hangs in
    /// the kernel.
    Stuck,
}

impl Status {
    /// Returns whether a test that ended with this status is repeated in the same guest, if retries
    /// are left.
    pub(crate) fn is_tried_again(self) -> bool {
        !matches!(self, Self::Exited(0) | Self::Stuck)
    }
}

/// A message from the guest to the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum FromGuest {
    /// The guest has booted and waits for [`ToGuest::Go`]. `uptime` is the time since the boot, by
    /// the kernel's clock.
    Ready { release: String, uptime: Duration },
    /// The guest has received [`ToGuest::Go`].
    Awake,
    /// The payload is unpacked and modules are loaded. The work begins.
    Started,
    /// The guest has nothing to report, but is alive.
    Heartbeat,
    /// A test binary listed its tests.
    Listed { binary: usize, list: List },
    /// A test binary did not list its tests. The output of the binary was sent before this message.
    NotListed { binary: usize, status: Status },
    /// A test begins. The bytes that follow are the output of the test.
    TestStarted { binary: usize, test: String, attempt: u32 },
    /// A test ended.
    TestEnded {
        binary: usize,
        test: String,
        status: Status,
        seconds: f64,
        oom_kills: u64,
        /// The bits of the kernel's taint that were set since the test began.
        taint: u64,
        /// Whether a file system of the guest was full after the test.
        full: bool,
    },
    /// The program ended.
    Exited {
        status: Status,
        /// The bits of the kernel's taint that were set since the program began.
        taint: u64,
    },
    /// The guest could not carry out its instructions.
    Failed { what: String },
    /// The last record. `records` is the number of records before it.
    End { records: u32 },
}

/// A message from the host to the guest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum ToGuest {
    /// The request to start, with the present time (in nanoseconds since 1970) and random bytes.
    /// From then on, the guest seals all its records with this key.
    Go { clock: u64, seed: Vec<u8>, key: Key },
    /// The program's standard input has ended.
    InputEnded,
    /// The request to send this signal to the program.
    Signal { number: i32 },
    /// The host's terminal has this size.
    Window { rows: u16, columns: u16 },
}
