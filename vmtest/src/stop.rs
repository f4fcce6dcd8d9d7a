//! A signal by which a running matrix is told to stop.

use crate::error::Result;
use crate::signals;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tells all matrices that have a clone of it to stop. Their guests end, tests that were not run
/// are reported as such, and their reports are written as usual. The run counts as failed.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    said: Arc<AtomicBool>,
}

impl Stop {
    /// Requests to stop.
    pub fn say(&self) {
        self.said.store(true, Ordering::Relaxed);
    }

    /// Whether stopping was requested.
    #[must_use]
    pub fn is_said(&self) -> bool {
        self.said.load(Ordering::Relaxed)
    }

    /// Requests to stop when a signal arrives that ends processes (SIGHUP, SIGINT, SIGQUIT,
    /// SIGTERM). A message on standard error, in the name of `program`, says so. A second signal
    /// ends this process immediately, with the status 128 + its number.
    ///
    /// # Errors
    /// Fails if the process has no free file descriptor.
    pub fn say_on_signals(&self, program: &'static str) -> Result<()> {
        let (stop, mut signals) = (self.clone(), signals::listen()?);
        std::thread::spawn(move || {
            let mut number = [0];
            while signals.read_exact(&mut number).is_ok() {
                let number = i32::from(number[0]);
                if ![libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM].contains(&number) {
                    continue;
                }
                if stop.is_said() {
                    std::process::exit(128 + number);
                }
                eprintln!("{program}: stopping; send the signal again to stop at once");
                stop.say();
            }
        });
        Ok(())
    }
}
