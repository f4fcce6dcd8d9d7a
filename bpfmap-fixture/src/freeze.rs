//! `BPF_MAP_FREEZE`: the kernel's answers to freezing a map.

use crate::{Answer, Subject};

/// A map that contains plain data. User space can no longer write to it.
pub(crate) fn plain(subject: &Subject) -> Answer {
    let answer = subject.freeze();
    if answer == Answer::OK && subject.is_insertable() {
        assert_eq!(subject.put(0), Answer(libc::EPERM), "a frozen map was written to");
    }
    answer
}

/// A map that is frozen.
pub(crate) fn twice(subject: &Subject) -> Answer {
    match subject.freeze() {
        Answer::OK => subject.freeze(),
        refused => refused,
    }
}

/// A map whose value has a spin lock.
pub(crate) fn with_spin_lock(subject: &Subject) -> Answer {
    subject.freeze()
}

/// A map whose value has a special field of the kernel other than a spin lock.
pub(crate) fn with_special_field(subject: &Subject) -> Answer {
    subject.freeze()
}
