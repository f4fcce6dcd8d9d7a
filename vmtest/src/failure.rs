//! The ways in which a guest can fail. Each has its own name and comes with advice.

use crate::console::find_line;
use crate::plan::ROOT_TOO_LARGE;
use crate::wire::Damage;
use serde::{Deserialize, Serialize};
use std::fmt;

named! {
    /// The ways in which a guest can fail.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    #[non_exhaustive]
    pub enum FailureKind {
        /// The kernel panicked.
        Panic = "panic",
        /// The kernel hit a fault that it can survive: an oops or a BUG.
        Oops = "oops",
        /// The kernel, or one of its checkers (lockdep, RCU), printed a warning.
        Warning = "warning",
        /// The guest sent no message for too long.
        Hang = "hang",
        /// The kernel ran out of memory and found no process to kill, or is configured to panic in
        /// that case.
        OutOfMemory = "out-of-memory",
        /// The guest switched itself off before it had finished its work.
        PoweredOff = "powered-off",
        /// The guest's init, which is this program, died.
        InitDied = "init-died",
        /// The guest's init could not carry out its instructions.
        GuestSetup = "guest-setup",
        /// The root file system needs more memory than the guest can provide for it.
        RootTooLarge = "root-too-large",
        /// A test left no space in the guest's in-memory file system.
        FileSystemFull = "file-system-full",
        /// The guest ended before it had sent all its results.
        ResultsCutShort = "results-cut-short",
        /// A record was damaged when it arrived.
        ResultsDamaged = "results-damaged",
        /// A record arrived that the guest's init did not send, or would not send at that point.
        ResultsForged = "results-forged",
        /// A guest that was restored from a snapshot panicked, and a guest that was booted cold did
        /// not.
        SnapshotDamaged = "snapshot-damaged",
        /// QEMU crashed.
        QemuCrashed = "qemu-crashed",
        /// QEMU did not start the machine.
        QemuFailed = "qemu-failed",
        /// QEMU was built without its sandbox, or the kernel of this machine does not allow the
        /// sandbox.
        QemuWithoutSandbox = "qemu-without-sandbox",
        /// This machine was so busy that the guest could not run.
        HostOverloaded = "host-overloaded",
        /// The guest was still running when its time limit expired.
        TimedOut = "timed-out",
        /// The user stopped the run.
        Interrupted = "interrupted",
    }

    /// Returns the name of this kind, as shown in reports.
    fn name;
}

impl FailureKind {
    /// Returns whether a damaged snapshot can be the cause of the failure.
    pub(crate) fn may_be_the_snapshots(self) -> bool {
        matches!(self, Self::Panic | Self::Oops | Self::InitDied)
    }

    /// Returns advice on what to do about the failure.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Panic | Self::Oops => {
                "read the backtrace in the console log; the last test that the log mentions was running"
            }
            Self::Warning => {
                "read the backtrace in the console log; to allow the complaint, use --allow with a part of its text"
            }
            Self::Hang => {
                "read the console log: it shows what the processor was doing (a backtrace from an NMI or SysRq), or which tasks are blocked"
            }
            Self::OutOfMemory => {
                "give the guest more memory with --memory, or make the test use less"
            }
            Self::PoweredOff => {
                "look for a call of reboot(2) in the last test that the console log mentions"
            }
            Self::InitDied => {
                "check whether a test killed process 1; if not, report a bug in bpfmap-vmtest"
            }
            Self::GuestSetup => "read the message of the guest",
            Self::RootTooLarge | Self::FileSystemFull => {
                "give the guest more memory with --memory; the files of the guest can use at most half of its memory"
            }
            Self::ResultsCutShort | Self::ResultsDamaged => {
                "check whether a test wrote to the serial port for results (/dev/ttyS1; on arm64, /dev/ttyS0); if not, repeat the run"
            }
            Self::ResultsForged => {
                "do not trust any of the results: a test, not the guest's init, wrote a record to the serial port for results (/dev/ttyS1; on arm64, /dev/ttyS0)"
            }
            Self::SnapshotDamaged => "repeat the run: the damaged snapshot was removed",
            Self::QemuCrashed => {
                "repeat the run; if the problem persists, try another version of QEMU or --engine tcg"
            }
            Self::QemuFailed => {
                "read QEMU's message, or try --engine tcg, which does not depend on this machine's processor"
            }
            Self::QemuWithoutSandbox => {
                "install a QEMU with libseccomp, such as Debian's, Fedora's or Arch's, and use a kernel with CONFIG_SECCOMP_FILTER; no guest runs without the sandbox"
            }
            Self::HostOverloaded => {
                "run fewer guests at a time with --jobs, or stop other programs"
            }
            Self::TimedOut => "give the guest more time with --time-out",
            Self::Interrupted => "start the run again",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The failure of a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind of failure.
    pub kind: FailureKind,
    /// The details of what was observed.
    pub detail: String,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

impl From<Damage> for Failure {
    fn from(damage: Damage) -> Self {
        let kind = if damage.is_forgery() {
            FailureKind::ResultsForged
        } else {
            FailureKind::ResultsDamaged
        };
        Self::new(kind, damage.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.detail)
    }
}

/// The facts that are known about a guest after the guest has ended.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    /// QEMU's exit status: a code, or the negative number of a signal.
    pub(crate) qemu_status: i32,
    /// QEMU's own output.
    pub(crate) qemu_said: String,
    /// The reason in QEMU's SHUTDOWN event.
    pub(crate) shutdown: Option<String>,
    /// Everything that the kernel printed.
    pub(crate) console: String,
    /// Whether the guest reported that it was ready.
    pub(crate) ready: bool,
    /// Whether the guest reported how many records it sent, and that number of records arrived.
    pub(crate) complete: bool,
    /// What was wrong with the first damaged record.
    pub(crate) damage: Option<String>,
    /// The guest's report of something that it could not do.
    pub(crate) guest_failed: Option<String>,
    /// The reason why this process ended the guest, if it did.
    pub(crate) ended_by_us: Option<Failure>,
}

impl Evidence {
    /// Returns why the guest failed, or `None` if it succeeded.
    ///
    /// Success requires two pieces of evidence: that QEMU ended as the guest's init ends it
    /// (`ended_well`), and the last record. Every other combination is a failure.
    pub(crate) fn failure(&self, ended_well: bool) -> Option<Failure> {
        let panic = find_line(&self.console, "Kernel panic - not syncing");
        if let Some(panic) = panic {
            return Some(self.panicked(panic));
        }
        if let Some(failure) = &self.ended_by_us {
            return Some(failure.clone());
        }
        if let Some(damage) = &self.damage {
            return Some(Failure::new(FailureKind::ResultsDamaged, damage.clone()));
        }
        if ended_well {
            return match &self.guest_failed {
                Some(what) => Some(Failure::new(FailureKind::GuestSetup, what.clone())),
                None if self.complete => None,
                None => Some(Failure::new(
                    FailureKind::ResultsCutShort,
                    "the guest ended before it sent its last record",
                )),
            };
        }
        Some(match self.shutdown.as_deref() {
            Some("guest-shutdown") => {
                Failure::new(FailureKind::PoweredOff, "the guest switched itself off")
            }
            Some("guest-reset") => Failure::new(
                FailureKind::PoweredOff,
                "the guest reset itself without a message about a panic",
            ),
            _ if self.qemu_status < 0 => {
                let detail =
                    format!("QEMU was killed by signal {}{}", -self.qemu_status, self.said());
                Failure::new(FailureKind::QemuCrashed, detail)
            }
            _ if !self.ready => {
                let detail = format!("QEMU ended with status {}{}", self.qemu_status, self.said());
                // QEMU prints a message about `-sandbox` if it does not know the option or cannot
                // apply the sandbox.
                let is_sandbox =
                    ["-sandbox support", "seccomp"].iter().any(|it| detail.contains(it));
                let kind = if is_sandbox {
                    FailureKind::QemuWithoutSandbox
                } else {
                    FailureKind::QemuFailed
                };
                Failure::new(kind, detail)
            }
            _ => {
                let detail = format!("QEMU ended with status {}{}", self.qemu_status, self.said());
                Failure::new(FailureKind::QemuCrashed, detail)
            }
        })
    }

    fn panicked(&self, panic: &str) -> Failure {
        let kind = if panic.contains("Attempted to kill init") {
            FailureKind::InitDied
        } else if panic.contains("Out of memory") || panic.contains("out of memory") {
            FailureKind::OutOfMemory
        } else if self.ended_by_us.is_some() {
            // The NMI that this process sent made the kernel panic.
            return self
                .ended_by_us
                .clone()
                .unwrap_or_else(|| Failure::new(FailureKind::Hang, panic));
        } else if panic.contains("Fatal exception") {
            FailureKind::Oops
        } else {
            FailureKind::Panic
        };
        if let Some(reason) = find_line(&self.console, "vmtest: init failed: ") {
            let is_too_large = reason.contains(ROOT_TOO_LARGE);
            let kind = if is_too_large { FailureKind::RootTooLarge } else { FailureKind::InitDied };
            return Failure::new(kind, reason);
        }
        let cause = ["BUG: ", "Oops: ", "general protection fault", "kernel BUG at"]
            .iter()
            .filter(|_| kind == FailureKind::Oops)
            .find_map(|mark| find_line(&self.console, mark));
        Failure::new(kind, cause.unwrap_or(panic))
    }

    fn said(&self) -> String {
        match self.qemu_said.trim() {
            "" => String::new(),
            said => format!(": {said}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence() -> Evidence {
        Evidence { ready: true, complete: true, ..Evidence::default() }
    }

    fn kind(evidence: &Evidence) -> Option<FailureKind> {
        kind_after(true, evidence)
    }

    fn kind_after(ended_well: bool, evidence: &Evidence) -> Option<FailureKind> {
        evidence.failure(ended_well).map(|failure| failure.kind)
    }

    #[test]
    fn only_the_right_end_and_all_records_are_success() {
        assert_eq!(kind(&evidence()), None);
        assert_eq!(
            kind(&Evidence { complete: false, ..evidence() }),
            Some(FailureKind::ResultsCutShort)
        );
        assert_eq!(
            kind_after(false, &Evidence { qemu_status: 0, ..evidence() }),
            Some(FailureKind::QemuCrashed)
        );
        assert_eq!(
            kind_after(false, &Evidence { qemu_status: -11, ..evidence() }),
            Some(FailureKind::QemuCrashed)
        );
        let damaged = Evidence { damage: Some("record 3".into()), ..evidence() };
        assert_eq!(kind(&damaged), Some(FailureKind::ResultsDamaged));
        let unable = Evidence { guest_failed: Some("no".into()), ..evidence() };
        assert_eq!(kind(&unable), Some(FailureKind::GuestSetup));
    }

    #[test]
    fn panics_are_distinguished_by_the_kernels_message() {
        for (line, expected) in [
            ("Kernel panic - not syncing: sysrq triggered crash", FailureKind::Panic),
            (
                "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000b",
                FailureKind::InitDied,
            ),
            (
                "Kernel panic - not syncing: Out of memory: compulsory panic_on_oom is enabled",
                FailureKind::OutOfMemory,
            ),
            ("Kernel panic - not syncing: System is deadlocked on memory", FailureKind::Panic),
            ("Kernel panic - not syncing: Fatal exception in interrupt", FailureKind::Oops),
        ] {
            let console = format!("[    1.0] Linux\r\n[    2.5] {line}\r\n");
            let evidence = Evidence {
                console,
                qemu_status: 0,
                shutdown: Some("guest-reset".into()),
                ..evidence()
            };
            assert_eq!(evidence.failure(false), Some(Failure::new(expected, line)));
        }
    }

    #[test]
    fn a_guest_that_resets_or_switches_off_is_not_a_panic() {
        for reason in ["guest-shutdown", "guest-reset"] {
            let evidence = Evidence { qemu_status: 0, shutdown: Some(reason.into()), ..evidence() };
            assert_eq!(kind_after(false, &evidence), Some(FailureKind::PoweredOff));
        }
    }
}
