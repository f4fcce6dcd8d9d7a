//! `BPF_MAP_LOOKUP_AND_DELETE_ELEM`: the kernel's answers to removing an entry or popping a value.

use crate::raw::{BPF_F_LOCK, UNKNOWN_FLAG};
use crate::{Answer, Subject};

/// The entry exists before the call, and not after it.
pub(crate) fn plain(subject: &Subject) -> Answer {
    subject.insert(0);
    let (answer, value) = subject.take(0);
    if answer == Answer::OK {
        let stored = subject.stored(0);
        assert!(stored.is_none_or(|stored| stored == value), "another value came back");
        assert_ne!(subject.look(0).0, Answer::OK, "the entry is still there");
    }
    answer
}

/// The key is not in the map.
pub(crate) fn missing(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.take(1).0
}

/// The map is empty.
pub(crate) fn empty(subject: &Subject) -> Answer {
    subject.take(0).0
}

/// A key is passed to a map without keys.
pub(crate) fn key_given(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.take_with(Some(&[0; 4]), 0).0
}

/// A flag that no kernel knows.
pub(crate) fn unknown_flags(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.take_with(subject.key(0).as_deref(), UNKNOWN_FLAG).0
}

/// `BPF_F_LOCK`, but the value has no spin lock.
pub(crate) fn lock_without_spin_lock(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.take_with(subject.key(0).as_deref(), BPF_F_LOCK).0
}
