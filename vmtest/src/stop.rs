//! A word by which a matrix that runs is told to stop.

use crate::error::Result;
use crate::signals;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tells all matrices that have a clone of it to stop: their guests end, what was not run is told so,
/// and their reports are written as ever, red.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    said: Arc<AtomicBool>,
}

impl Stop {
    /// Says that it is time.
    pub fn say(&self) {
        self.said.store(true, Ordering::Relaxed);
    }

    /// Whether it was said.
    #[must_use]
    pub fn is_said(&self) -> bool {
        self.said.load(Ordering::Relaxed)
    }

    /// Says that it is time when a signal comes that ends processes (SIGHUP, SIGINT, SIGQUIT, SIGTERM), on standard error
    /// too, in the name of `program`. The second one ends this process at once, with the status 128 + its number.
    ///
    /// # Errors
    /// The process has no descriptor to spare.
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
