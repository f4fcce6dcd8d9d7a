//! `BPF_MAP_GET_NEXT_KEY`: what a step of a walk is answered.

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

/// The walk starts.
pub(crate) fn no_key(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.next_key(None).0
}

/// From a key that is not in the map the walk starts again.
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

/// From the last key there is no way on.
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
