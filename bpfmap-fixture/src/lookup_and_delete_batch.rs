//! `BPF_MAP_LOOKUP_AND_DELETE_BATCH`: the kernel's answers to removing many entries in one call.

use crate::raw::Command;
use crate::subject::Batch;
use crate::{Answer, Subject};

/// Requests as many entries as there are. `ENOENT` means the end, as in [`crate::lookup_batch`].
pub(crate) fn plain(subject: &Subject) -> Answer {
    subject.fill();
    let entries = subject.entries();
    let Batch { answer, count } = subject.read_batch(Command::LookupAndDeleteBatch, entries);
    if count > 0 && answer == Answer(libc::ENOENT) { Answer::OK } else { answer }
}

/// Requests more entries than there are. All are returned, and the map is empty afterwards.
pub(crate) fn end(subject: &Subject) -> Answer {
    subject.fill();
    let entries = subject.entries();
    let Batch { answer, count } = subject.read_batch(Command::LookupAndDeleteBatch, entries + 1);
    if answer == Answer(libc::ENOENT) {
        assert_eq!(count, entries, "not every entry came");
        assert_eq!(subject.entries(), 0, "entries are left");
    }
    answer
}
