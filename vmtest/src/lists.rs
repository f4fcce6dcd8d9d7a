//! What tests there are, which is the same on all kernels and asked for once.

use crate::plan::List;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The tests of each binary, as the first guest to list them told: they are the same on all kernels.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    by_binary: Mutex<BTreeMap<usize, List>>,
}

impl Lists {
    /// The tests of a binary, if a guest has told them.
    pub(crate) fn known(&self, binary: usize) -> Option<List> {
        self.lock().get(&binary).cloned()
    }

    /// Keeps what a guest told.
    pub(crate) fn tell(&self, binary: usize, list: &List) {
        self.lock().insert(binary, list.clone());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, List>> {
        self.by_binary.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
