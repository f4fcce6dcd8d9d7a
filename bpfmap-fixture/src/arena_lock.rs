//! A lock that ensures that a process has only one arena at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A lock that prevents other threads from creating arenas. The lock is released when this value is
/// dropped.
///
/// A schema can set the address of an arena, so that the address is the same in each test. libbpf
/// maps the arena with `MAP_FIXED`, which replaces any existing mapping at this address. Without
/// the lock, this mapping could replace the arena of a test that runs at the same time.
pub(crate) struct ArenaLock {
    _guard: MutexGuard<'static, ()>,
}

impl ArenaLock {
    /// Waits until no other thread holds the lock, and takes it. A thread that takes the lock twice
    /// waits forever.
    pub(crate) fn take() -> Self {
        // The lock is also taken if it is poisoned, because a failed test leaves no state that
        // could affect the next test.
        Self { _guard: ARENA.lock().unwrap_or_else(PoisonError::into_inner) }
    }
}

static ARENA: Mutex<()> = Mutex::new(());
