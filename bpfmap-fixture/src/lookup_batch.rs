//! Attempts of `BPF_MAP_LOOKUP_BATCH`, each of which reads several entries in one call.

use crate::raw::Command;
use crate::raw::{BPF_F_ALL_CPUS, UNKNOWN_CPU, on_cpu};
use crate::subject::Batch;
use crate::{Answer, Subject};

/// Requests as many entries as the map contains. For a hash table, the kernel returns `ENOENT`
/// after the last bucket. This errno means the end of the map, and is not a failure.
pub(crate) fn plain(subject: &Subject) -> Answer {
    subject.fill();
    let entries = subject.entries();
    let Batch { answer, count } = subject.read_batch(Command::LookupBatch, entries);
    if count > 0 && answer == Answer(libc::ENOENT) { Answer::OK } else { answer }
}

/// Requests more entries than the map contains.
pub(crate) fn end(subject: &Subject) -> Answer {
    subject.fill();
    let entries = subject.entries();
    let Batch { answer, count } = subject.read_batch(Command::LookupBatch, entries + 1);
    if answer == Answer(libc::ENOENT) {
        assert_eq!(count, entries, "not every entry was returned");
    }
    answer
}

/// Uses `BPF_F_CPU` to read only the value of the last CPU for each entry.
pub(crate) fn one_cpu(subject: &Subject) -> Answer {
    subject.fill();
    let entries = subject.entries();
    let flags = on_cpu(subject.last_cpu());
    let Batch { answer, count } = subject.read_batch_with(Command::LookupBatch, entries, flags);
    if count > 0 && answer == Answer(libc::ENOENT) { Answer::OK } else { answer }
}

/// Passes `BPF_F_CPU` with a CPU that the machine can't have.
pub(crate) fn unknown_cpu(subject: &Subject) -> Answer {
    subject.fill();
    subject.read_batch_with(Command::LookupBatch, 1, UNKNOWN_CPU).answer
}

/// Passes `BPF_F_ALL_CPUS`, which is valid only for updates.
pub(crate) fn all_cpus(subject: &Subject) -> Answer {
    subject.fill();
    subject.read_batch_with(Command::LookupBatch, 1, BPF_F_ALL_CPUS).answer
}
