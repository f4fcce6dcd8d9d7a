//! The tests of each binary. They are the same on all kernels, so each binary is asked for its
//! tests only once.

use crate::plan::List;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The tests of each binary, as the first guest reported them.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    by_binary: Mutex<BTreeMap<usize, List>>,
}

impl Lists {
    /// Returns the tests of a binary, if a guest has reported them.
    pub(crate) fn known(&self, binary: usize) -> Option<List> {
        self.lock().get(&binary).cloned()
    }

    /// Stores the tests of a binary that a guest has reported.
    pub(crate) fn tell(&self, binary: usize, list: &List) {
        self.lock().insert(binary, list.clone());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, List>> {
        self.by_binary.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
