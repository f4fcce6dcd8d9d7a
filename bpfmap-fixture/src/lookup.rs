//! Attempts of `BPF_MAP_LOOKUP_ELEM`, each of which looks up an entry.

use std::os::fd::AsRawFd as _;

use crate::keys::Keys;
use crate::raw::{self, BPF_F_ALL_CPUS, BPF_F_LOCK, UNKNOWN_CPU, UNKNOWN_FLAG};
use crate::{Answer, Subject};

/// Looks up an existing entry.
pub(crate) fn plain(subject: &Subject) -> Answer {
    subject.insert(0);
    let (answer, value) = subject.lookup(0);
    if let (Answer::OK, Some(stored)) = (answer, subject.stored(0)) {
        assert_eq!(value, stored, "the lookup returned another value");
    }
    answer
}

/// Looks up a key that is not in the map.
pub(crate) fn missing(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.lookup(1).0
}

/// Looks up the index `max_entries`.
pub(crate) fn out_of_range(subject: &Subject) -> Answer {
    subject.lookup(subject.max_entries()).0
}

/// Looks up a key whose prefix is longer than its data.
pub(crate) fn prefix_too_long(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.lookup_with(Some(&Keys::too_long_prefix(subject.key_size())), 0).0
}

/// Looks up a value in an empty map.
pub(crate) fn empty(subject: &Subject) -> Answer {
    subject.lookup(0).0
}

/// Passes a key to a map without keys.
pub(crate) fn key_given(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.lookup_with(Some(&[0; 4]), 0).0
}

/// Passes a flag that no kernel knows.
pub(crate) fn unknown_flags(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.lookup_with(subject.key(0).as_deref(), UNKNOWN_FLAG).0
}

/// Passes `BPF_F_LOCK` to a map whose value contains no spin lock.
pub(crate) fn lock_without_spin_lock(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.lookup_with(subject.key(0).as_deref(), BPF_F_LOCK).0
}

/// Looks up an entry of a map whose value is too small for the result of a lookup.
pub(crate) fn small_value(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.lookup(0).0
}

/// Passes a key that is not an open descriptor.
pub(crate) fn bad_owner(subject: &Subject) -> Answer {
    subject.lookup_with(Some(&raw::CLOSED.to_ne_bytes()), 0).0
}

/// Passes the descriptor of an object to which no value is attached.
pub(crate) fn other_owner(subject: &Subject) -> Answer {
    let file = raw::other_file();
    subject.lookup_with(Some(&file.as_raw_fd().to_ne_bytes()), 0).0
}

/// Uses `BPF_F_CPU` to look up only the value of the last CPU.
pub(crate) fn one_cpu(subject: &Subject) -> Answer {
    subject.insert(0);
    let cpu = subject.last_cpu();
    let (answer, value) = subject.lookup_with(subject.key(0).as_deref(), raw::on_cpu(cpu));
    if let (Answer::OK, Some(stored)) = (answer, subject.stored(0)) {
        let share = subject.share(&stored, cpu);
        assert_eq!(&value[..share.len()], share, "the lookup returned another value");
        assert!(
            value[share.len()..].iter().all(|byte| *byte == 0),
            "the lookup returned more than one value"
        );
    }
    answer
}

/// Passes `BPF_F_CPU` with a CPU that the machine can't have.
pub(crate) fn unknown_cpu(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.lookup_with(subject.key(0).as_deref(), UNKNOWN_CPU).0
}

/// Passes `BPF_F_ALL_CPUS`, which is valid only for updates.
pub(crate) fn all_cpus(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.lookup_with(subject.key(0).as_deref(), BPF_F_ALL_CPUS).0
}
