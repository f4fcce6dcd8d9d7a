//! `BPF_MAP_LOOKUP_BATCH`: the kernel's answers to reading many entries in one call.

use crate::raw::Command;
use crate::raw::{BPF_F_ALL_CPUS, UNKNOWN_CPU, on_cpu};
use crate::subject::Batch;
use crate::{Answer, Subject};

/// Requests as many entries as there are. A hash table returns `ENOENT` after its last bucket,
/// which means the end and not a failure.
pub(crate) fn plain(subject: &Subject) -> Answer {
    subject.fill();
    let entries = subject.entries();
    let Batch { answer, count } = subject.read_batch(Command::LookupBatch, entries);
    if count > 0 && answer == Answer(libc::ENOENT) { Answer::OK } else { answer }
}

/// Requests more entries than there are.
pub(crate) fn end(subject: &Subject) -> Answer {
    subject.fill();
    let entries = subject.entries();
    let Batch { answer, count } = subject.read_batch(Command::LookupBatch, entries + 1);
    if answer == Answer(libc::ENOENT) {
        assert_eq!(count, entries, "not every entry came");
    }
    answer
}

/// `BPF_F_CPU`: the values of the last CPU, one for each entry.
pub(crate) fn one_cpu(subject: &Subject) -> Answer {
    subject.fill();
    let entries = subject.entries();
    let flags = on_cpu(subject.last_cpu());
    let Batch { answer, count } = subject.read_batch_with(Command::LookupBatch, entries, flags);
    if count > 0 && answer == Answer(libc::ENOENT) { Answer::OK } else { answer }
}

/// `BPF_F_CPU` with a CPU that the machine cannot have.
pub(crate) fn unknown_cpu(subject: &Subject) -> Answer {
    subject.fill();
    subject.read_batch_with(Command::LookupBatch, 1, UNKNOWN_CPU).answer
}

/// `BPF_F_ALL_CPUS`, which is valid only for updates.
pub(crate) fn all_cpus(subject: &Subject) -> Answer {
    subject.fill();
    subject.read_batch_with(Command::LookupBatch, 1, BPF_F_ALL_CPUS).answer
}
