//! `BPF_MAP_DELETE_ELEM`: the kernel's answers to a deletion.

use std::os::fd::AsRawFd as _;

use crate::keys::Keys;
use crate::raw;
use crate::{Answer, Subject};

/// The entry exists.
pub(crate) fn plain(subject: &Subject) -> Answer {
    subject.insert(0);
    let answer = subject.delete(0);
    if answer == Answer::OK {
        assert_ne!(subject.look(0).0, Answer::OK, "the entry is still there");
    }
    answer
}

/// The key is not in the map.
pub(crate) fn missing(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.delete(1)
}

/// The index is `max_entries`.
pub(crate) fn out_of_range(subject: &Subject) -> Answer {
    subject.delete(subject.max_entries())
}

/// The prefix is longer than the data.
pub(crate) fn prefix_too_long(subject: &Subject) -> Answer {
    subject.delete_with(Some(&Keys::too_long_prefix(subject.key_size())))
}

/// The key is not an open descriptor.
pub(crate) fn bad_owner(subject: &Subject) -> Answer {
    subject.delete_with(Some(&raw::CLOSED.to_ne_bytes()))
}

/// The key is the descriptor of an object to which no value is attached.
pub(crate) fn other_owner(subject: &Subject) -> Answer {
    let file = raw::other_file();
    subject.delete_with(Some(&file.as_raw_fd().to_ne_bytes()))
}
