//! A signal that tells a running matrix to stop.

use crate::error::Result;
use crate::signals;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A signal that stops every matrix that has a clone of it. The guests of a stopped matrix end, and
/// its tests that were not run are reported as such. The reports are written as usual, and the run
/// counts as failed.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    said: Arc<AtomicBool>,
}

impl Stop {
    /// Stops all matrices that have a clone of this signal.
    pub fn say(&self) {
        self.said.store(true, Ordering::Relaxed);
    }

    /// Returns whether a stop was requested.
    #[must_use]
    pub fn is_said(&self) -> bool {
        self.said.load(Ordering::Relaxed)
    }

    /// Requests a stop when this process receives SIGHUP, SIGINT, SIGQUIT or SIGTERM. A message on
    /// standard error, which begins with `program`, announces the stop. A second signal ends this
    /// process immediately. The exit status is then 128 plus the number of the signal.
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
                eprintln!("{program}: stopping; send the signal again to stop immediately");
                stop.say();
            }
        });
        Ok(())
    }
}
