//! Attempts of `BPF_MAP_FREEZE`, each of which freezes a map.

use crate::{Answer, Subject};

/// Freezes a map that contains plain data. User space must then be unable to write to the map.
pub(crate) fn plain(subject: &Subject) -> Answer {
    let answer = subject.freeze();
    if answer == Answer::OK && subject.is_insertable() {
        assert_eq!(subject.put(0), Answer(libc::EPERM), "a frozen map was written to");
    }
    answer
}

/// Freezes a map that is already frozen.
pub(crate) fn twice(subject: &Subject) -> Answer {
    match subject.freeze() {
        Answer::OK => subject.freeze(),
        refused => refused,
    }
}

/// Freezes a map whose value contains a spin lock.
pub(crate) fn with_spin_lock(subject: &Subject) -> Answer {
    subject.freeze()
}

/// Freezes a map whose value contains a special field that is not a spin lock.
pub(crate) fn with_special_field(subject: &Subject) -> Answer {
    subject.freeze()
}
