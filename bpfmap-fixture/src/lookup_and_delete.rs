//! Attempts of `BPF_MAP_LOOKUP_AND_DELETE_ELEM`, each of which removes an entry or pops a value.

use crate::raw::{BPF_F_LOCK, UNKNOWN_FLAG};
use crate::{Answer, Subject};

/// Removes an existing entry. The entry must not exist after the call.
pub(crate) fn plain(subject: &Subject) -> Answer {
    subject.insert(0);
    let (answer, value) = subject.take(0);
    if answer == Answer::OK {
        let stored = subject.stored(0);
        assert!(
            stored.is_none_or(|stored| stored == value),
            "the operation returned another value"
        );
        assert_ne!(subject.look(0).0, Answer::OK, "the entry is still there");
    }
    answer
}

/// Removes a key that is not in the map.
pub(crate) fn missing(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.take(1).0
}

/// Pops a value from an empty map.
pub(crate) fn empty(subject: &Subject) -> Answer {
    subject.take(0).0
}

/// Passes a key to a map without keys.
pub(crate) fn key_given(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.take_with(Some(&[0; 4]), 0).0
}

/// Passes a flag that no kernel knows.
pub(crate) fn unknown_flags(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.take_with(subject.key(0).as_deref(), UNKNOWN_FLAG).0
}

/// Passes `BPF_F_LOCK` to a map whose value contains no spin lock.
pub(crate) fn lock_without_spin_lock(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.take_with(subject.key(0).as_deref(), BPF_F_LOCK).0
}
