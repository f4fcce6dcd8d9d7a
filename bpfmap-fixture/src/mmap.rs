//! `mmap(2)` of a map: the kernel's answers.

use crate::{Answer, Subject};

/// A map with the flag that mapping requires, if its type has one.
pub(crate) fn plain(subject: &Subject) -> Answer {
    subject.mmap(0)
}

/// A map without that flag.
pub(crate) fn without_flag(subject: &Subject) -> Answer {
    subject.mmap(0)
}

/// A map whose value has a spin lock.
pub(crate) fn with_spin_lock(subject: &Subject) -> Answer {
    subject.mmap(0)
}

/// A map whose value has a special field of the kernel other than a spin lock.
pub(crate) fn with_special_field(subject: &Subject) -> Answer {
    subject.mmap(0)
}

/// The first page, for writing.
pub(crate) fn to_write(subject: &Subject) -> Answer {
    subject.mmap_to_write(0)
}

/// The second page, for writing.
pub(crate) fn to_write_second_page(subject: &Subject) -> Answer {
    subject.mmap_to_write(1)
}
