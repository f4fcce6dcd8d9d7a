//! Attempts of `mmap(2)`, each of which maps a BPF map into memory.

use crate::{Answer, Subject};

/// Maps a BPF map that has the flag that `mmap` requires, if its map type has such a flag.
pub(crate) fn plain(subject: &Subject) -> Answer {
    subject.mmap(0)
}

/// Maps a BPF map without the flag that `mmap` requires.
pub(crate) fn without_flag(subject: &Subject) -> Answer {
    subject.mmap(0)
}

/// Maps a BPF map whose value contains a spin lock.
pub(crate) fn with_spin_lock(subject: &Subject) -> Answer {
    subject.mmap(0)
}

/// Maps a BPF map whose value contains a special field that is not a spin lock.
pub(crate) fn with_special_field(subject: &Subject) -> Answer {
    subject.mmap(0)
}

/// Maps the first page for writing.
pub(crate) fn to_write(subject: &Subject) -> Answer {
    subject.mmap_to_write(0)
}

/// Maps the second page for writing.
pub(crate) fn to_write_second_page(subject: &Subject) -> Answer {
    subject.mmap_to_write(1)
}
