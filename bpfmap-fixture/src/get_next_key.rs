//! `BPF_MAP_GET_NEXT_KEY`: the kernel's answers to a step of an iteration.

use crate::{Answer, Subject};

/// From the first of two keys to the second.
pub(crate) fn plain(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.insert(1);
    let (start, first) = subject.next_key(None);
    if start != Answer::OK {
        return start;
    }
    let (answer, second) = subject.next_key(Some(&first));
    assert!(answer != Answer::OK || first != second, "the walk stands still");
    answer
}

/// The start of an iteration.
pub(crate) fn no_key(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.next_key(None).0
}

/// After a key that is not in the map, the iteration starts again.
pub(crate) fn absent_key(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.insert(1);
    let absent = subject.key(subject.max_entries());
    let (answer, key) = subject.next_key(absent.as_deref());
    if answer == Answer::OK {
        assert_eq!(key, subject.next_key(None).1, "the walk does not start at the first key");
    }
    answer
}

/// The last key has no next key.
pub(crate) fn last_key(subject: &Subject) -> Answer {
    subject.insert(0);
    let (mut answer, mut key) = subject.next_key(None);
    for _ in 0..=subject.max_entries() {
        if answer != Answer::OK {
            break;
        }
        (answer, key) = subject.next_key(Some(&key));
    }
    answer
}

/// The map has no element.
pub(crate) fn empty(subject: &Subject) -> Answer {
    subject.next_key(None).0
}
