//! A word by which a matrix that runs is told to stop.

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
}
