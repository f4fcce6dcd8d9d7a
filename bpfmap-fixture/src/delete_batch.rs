//! Attempts of `BPF_MAP_DELETE_BATCH`, each of which deletes several entries in one call.

use crate::subject::Batch;
use crate::{Answer, Subject};

/// Deletes two existing entries.
pub(crate) fn plain(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.insert(1);
    let Batch { answer, count } = subject.delete_batch(&[0, 1]);
    if answer == Answer::OK {
        assert_eq!((count, subject.entries()), (2, 0), "entries are left");
    }
    answer
}

/// Deletes an existing entry and then a key that does not exist.
pub(crate) fn missing(subject: &Subject) -> Answer {
    subject.insert(0);
    let Batch { answer, count } = subject.delete_batch(&[0, 1]);
    if answer == Answer(libc::ENOENT) {
        assert_eq!(count, 1, "a key other than the second one failed");
    }
    answer
}
