//! Attempts of `BPF_MAP_UPDATE_BATCH`, each of which writes several entries in one call.

use crate::raw::{BPF_ANY, BPF_F_ALL_CPUS, BPF_NOEXIST, UNKNOWN_CPU, on_cpu};
use crate::subject::Batch;
use crate::{Answer, Subject};

/// Creates two entries, or updates two indices.
pub(crate) fn plain(subject: &Subject) -> Answer {
    let Batch { answer, count } = subject.write_batch(&[0, 1], BPF_ANY);
    if answer == Answer::OK {
        assert_eq!(count, 2, "not every entry was written");
        subject.assert_stored(0);
        subject.assert_stored(1);
    }
    answer
}

/// Passes `BPF_NOEXIST` as an element flag.
pub(crate) fn batch_element_flags(subject: &Subject) -> Answer {
    subject.write_batch(&[0], BPF_NOEXIST).answer
}

/// Inserts one more entry than fits into the map.
pub(crate) fn full_new_key(subject: &Subject) -> Answer {
    let numbers: Vec<u32> = (0..=subject.max_entries()).collect();
    let Batch { answer, count } = subject.write_batch(&numbers, BPF_ANY);
    if matches!(answer, Answer(libc::E2BIG | libc::ENOSPC)) {
        assert_eq!(count, subject.max_entries(), "an entry other than the last one failed");
    }
    answer
}

/// Updates two indices, the second of which is `max_entries`.
pub(crate) fn out_of_range(subject: &Subject) -> Answer {
    let Batch { answer, count } = subject.write_batch(&[0, subject.max_entries()], BPF_ANY);
    if answer == Answer(libc::E2BIG) {
        assert_eq!(count, 1, "an entry other than the second one failed");
    }
    answer
}

/// Passes `BPF_F_CPU`, so that only the values of the last CPU change in two entries.
pub(crate) fn one_cpu(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.insert(1);
    let cpu = subject.last_cpu();
    let answer = subject.write_shares(&[(0, 2), (1, 3)], cpu, on_cpu(cpu));
    if answer == Answer::OK {
        for (number, value) in [(0, 2), (1, 3)] {
            if let (Some(old), Some(new)) = (subject.stored(number), subject.stored(value)) {
                let expected = |at| subject.share(if at == cpu { &new } else { &old }, at);
                subject.assert_shares(number, expected);
            }
        }
    }
    answer
}

/// Passes `BPF_F_CPU` with a CPU that the machine can't have.
pub(crate) fn unknown_cpu(subject: &Subject) -> Answer {
    subject.write_batch(&[0], UNKNOWN_CPU).answer
}

/// Passes `BPF_F_ALL_CPUS`, so that every CPU gets the same value in each of two entries.
pub(crate) fn all_cpus(subject: &Subject) -> Answer {
    let answer = subject.write_shares(&[(0, 2), (1, 3)], 0, BPF_F_ALL_CPUS);
    if answer == Answer::OK {
        for (number, value) in [(0, 2), (1, 3)] {
            if let Some(new) = subject.stored(value) {
                subject.assert_shares(number, |_| subject.share(&new, 0));
            }
        }
    }
    answer
}
