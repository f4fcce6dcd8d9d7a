//! Attempts of `BPF_MAP_GET_NEXT_KEY`, each of which is a step of an iteration over keys.

use crate::{Answer, Subject};

/// Gets the key after the first of two keys.
pub(crate) fn plain(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.insert(1);
    let (start, first) = subject.next_key(None);
    if start != Answer::OK {
        return start;
    }
    let (answer, second) = subject.next_key(Some(&first));
    assert!(answer != Answer::OK || first != second, "the next key is the key itself");
    answer
}

/// Gets the first key.
pub(crate) fn no_key(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.next_key(None).0
}

/// Gets the key after a key that is not in the map. The iteration must start again at the first
/// key.
pub(crate) fn absent_key(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.insert(1);
    let absent = subject.key(subject.max_entries());
    let (answer, key) = subject.next_key(absent.as_deref());
    if answer == Answer::OK {
        assert_eq!(key, subject.next_key(None).1, "the iteration does not start at the first key");
    }
    answer
}

/// Gets the key after the last key.
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

/// Gets the first key of an empty map.
pub(crate) fn empty(subject: &Subject) -> Answer {
    subject.next_key(None).0
}
