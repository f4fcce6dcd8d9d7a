//! `mmap(2)` of a map: what it is answered.

use crate::{Answer, Subject};

/// A map with the flag that mapping asks for, if its type has one.
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

/// A map whose value has a field of the kernel's own that is no spin lock.
pub(crate) fn with_special_field(subject: &Subject) -> Answer {
    subject.mmap(0)
}

/// The first page, to write.
pub(crate) fn to_write(subject: &Subject) -> Answer {
    subject.mmap_to_write(0)
}

/// The second page, to write.
pub(crate) fn to_write_second_page(subject: &Subject) -> Answer {
    subject.mmap_to_write(1)
}
