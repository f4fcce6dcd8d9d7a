//! Ensures that a process has at most one reader or writer of a ring.

use crate::spec::MapSpec;
use crate::user_space::error::{Action, Error, Result};
use crate::user_space::map::Map;
use crate::user_space::sys::Errno;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The right to move the position in a map's ring. Dropping the value returns this right.
///
/// The kernel allows any number of readers to move the position. If there were two readers, each
/// reader could release records that the other reader is still reading.
pub(super) struct Sole(u32);

/// The ids of the maps for which this process has acquired the right.
static TAKEN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

impl Sole {
    /// Acquires the right to move the position. Fails if this process has already acquired it.
    pub(super) fn take<S: MapSpec>(map: &Map<S>) -> Result<Self> {
        let id = map.info()?.id;
        if taken().insert(id) {
            return Ok(Self(id));
        }
        let text = "this process has already opened this map for reading or writing records, and a ring can have only one user".to_owned();
        Err(Error::refused(Action::Mmap, S::DEF.name, Errno(libc::EBUSY), text))
    }
}

impl Drop for Sole {
    fn drop(&mut self) {
        taken().remove(&self.0);
    }
}

fn taken() -> MutexGuard<'static, BTreeSet<u32>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}
