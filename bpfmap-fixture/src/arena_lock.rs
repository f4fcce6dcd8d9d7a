//! A lock that ensures that a process has only one arena at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Prevents other threads from creating arenas until it is dropped.
///
/// An arena may be at an address that the schema sets, which is the same in each test. libbpf maps
/// it there over any existing mapping (`MAP_FIXED`), including the arena of a test that runs at the
/// same time.
pub(crate) struct ArenaLock {
    _guard: MutexGuard<'static, ()>,
}

impl ArenaLock {
    /// Waits until no other thread has an arena. A thread that takes the lock twice waits forever.
    pub(crate) fn take() -> Self {
        // A failed test leaves nothing behind that could affect the next one.
        Self { _guard: ARENA.lock().unwrap_or_else(PoisonError::into_inner) }
    }
}

static ARENA: Mutex<()> = Mutex::new(());
