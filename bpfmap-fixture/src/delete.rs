//! Attempts of `BPF_MAP_DELETE_ELEM`, each of which deletes an entry.

use std::os::fd::AsRawFd as _;

use crate::keys::Keys;
use crate::raw;
use crate::{Answer, Subject};

/// Deletes an existing entry.
pub(crate) fn plain(subject: &Subject) -> Answer {
    subject.insert(0);
    let answer = subject.delete(0);
    if answer == Answer::OK {
        assert_ne!(subject.look(0).0, Answer::OK, "the entry is still there");
    }
    answer
}

/// Deletes a key that is not in the map.
pub(crate) fn missing(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.delete(1)
}

/// Deletes the index `max_entries`.
pub(crate) fn out_of_range(subject: &Subject) -> Answer {
    subject.delete(subject.max_entries())
}

/// Deletes a key whose prefix is longer than its data.
pub(crate) fn prefix_too_long(subject: &Subject) -> Answer {
    subject.delete_with(Some(&Keys::too_long_prefix(subject.key_size())))
}

/// Passes a key that is not an open descriptor.
pub(crate) fn bad_owner(subject: &Subject) -> Answer {
    subject.delete_with(Some(&raw::CLOSED.to_ne_bytes()))
}

/// Passes the descriptor of an object to which no value is attached.
pub(crate) fn other_owner(subject: &Subject) -> Answer {
    let file = raw::other_file();
    subject.delete_with(Some(&file.as_raw_fd().to_ne_bytes()))
}
