//! A signal that tells a running matrix to stop.

use crate::error::Result;
use crate::signals;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A signal that tells all matrices with a clone of it to stop. The guests of a stopped matrix end,
/// and its tests that were not run are reported as such. The reports are written as usual, and the
/// run counts as failed.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    said: Arc<AtomicBool>,
}

impl Stop {
    /// Requests all matrices with a clone of this signal to stop.
    pub fn say(&self) {
        self.said.store(true, Ordering::Relaxed);
    }

    /// Returns whether a stop was requested.
    #[must_use]
    pub fn is_said(&self) -> bool {
        self.said.load(Ordering::Relaxed)
    }

    /// Requests to stop when a signal arrives that ends processes (SIGHUP, SIGINT, SIGQUIT,
    /// SIGTERM). A message on standard error, in the name of `program`, announces the stop. A
    /// second signal ends this process immediately, with the status 128 + its number.
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
