//! Attempts of `BPF_MAP_LOOKUP_AND_DELETE_BATCH`, each of which removes several entries in one
//! call.

use crate::raw::Command;
use crate::subject::Batch;
use crate::{Answer, Subject};

/// Requests as many entries as the map contains. As in [`crate::lookup_batch`], `ENOENT` means that
/// there are no more entries.
pub(crate) fn plain(subject: &Subject) -> Answer {
    subject.fill();
    let entries = subject.entries();
    let Batch { answer, count } = subject.read_batch(Command::LookupAndDeleteBatch, entries);
    if count > 0 && answer == Answer(libc::ENOENT) { Answer::OK } else { answer }
}

/// Requests more entries than the map contains. The kernel must return all entries, and the map
/// must be empty after the call.
pub(crate) fn end(subject: &Subject) -> Answer {
    subject.fill();
    let entries = subject.entries();
    let Batch { answer, count } = subject.read_batch(Command::LookupAndDeleteBatch, entries + 1);
    if answer == Answer(libc::ENOENT) {
        assert_eq!(count, entries, "not every entry was returned");
        assert_eq!(subject.entries(), 0, "entries are left");
    }
    answer
}
