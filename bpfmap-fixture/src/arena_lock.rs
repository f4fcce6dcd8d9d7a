//! A lock, so that a process has only one arena at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Prevents other threads from creating arenas until it is dropped.
///
/// An arena may be at an address that the schema gives, the same in each test. libbpf maps it there over whatever is
/// there (`MAP_FIXED`), also over the arena of a test that runs beside it.
pub(crate) struct ArenaLock {
    _guard: MutexGuard<'static, ()>,
}

impl ArenaLock {
    /// Waits until no other thread has an arena. A thread that takes it twice waits forever.
    pub(crate) fn take() -> Self {
        // A test that failed leaves nothing behind that the next could meet.
        Self { _guard: ARENA.lock().unwrap_or_else(PoisonError::into_inner) }
    }
}

static ARENA: Mutex<()> = Mutex::new(());
