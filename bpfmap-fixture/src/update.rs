//! Attempts of `BPF_MAP_UPDATE_ELEM`, each of which updates an entry or pushes a value.

use std::os::fd::AsRawFd as _;

use crate::keys::Keys;
use crate::raw::{
    self, BPF_ANY, BPF_EXIST, BPF_F_ALL_CPUS, BPF_F_LOCK, BPF_NOEXIST, UNKNOWN_CPU, UNKNOWN_FLAG,
    UNKNOWN_HIGH_FLAG,
};
use crate::values::Refused;
use crate::{Answer, Subject};

/// Creates an entry, or updates an index that always exists.
pub(crate) fn plain(subject: &Subject) -> Answer {
    let answer = subject.update(0, BPF_ANY);
    if answer == Answer::OK {
        subject.assert_stored(0);
    }
    answer
}

/// Passes `BPF_NOEXIST` for a key that exists.
pub(crate) fn no_exist_on_present(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.update_with(subject.key(0).as_deref(), &subject.value(1), BPF_NOEXIST)
}

/// Passes `BPF_NOEXIST` for an object that the map already contains.
pub(crate) fn no_exist_on_same(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.update(0, BPF_NOEXIST)
}

/// Passes `BPF_NOEXIST` for a key that does not exist.
pub(crate) fn no_exist_on_missing(subject: &Subject) -> Answer {
    let answer = subject.update(0, BPF_NOEXIST);
    if answer == Answer::OK {
        subject.assert_stored(0);
    }
    answer
}

/// Updates a key that does not exist. The map does not allow user space to create entries.
pub(crate) fn missing(subject: &Subject) -> Answer {
    subject.update(0, BPF_ANY)
}

/// Passes `BPF_EXIST` for a key that does not exist.
pub(crate) fn exist_on_missing(subject: &Subject) -> Answer {
    subject.update(0, BPF_EXIST)
}

/// Inserts a new key into a full map.
pub(crate) fn full_new_key(subject: &Subject) -> Answer {
    subject.fill();
    let answer = subject.update(subject.max_entries(), BPF_ANY);
    if answer == Answer::OK {
        subject.assert_stored(subject.max_entries());
    }
    answer
}

/// Updates an existing key of a full map.
pub(crate) fn full_present_key(subject: &Subject) -> Answer {
    subject.fill();
    let last = subject.max_entries() - 1;
    let answer = subject.update(last, BPF_ANY);
    if answer == Answer::OK {
        subject.assert_stored(last);
    }
    answer
}

/// Passes `BPF_EXIST` for a key that is not in the map, which is full.
pub(crate) fn full_exist_on_missing(subject: &Subject) -> Answer {
    subject.fill();
    subject.update(subject.max_entries(), BPF_EXIST)
}

/// Pushes a value to a full queue or stack with `BPF_EXIST`.
pub(crate) fn full_overwrite(subject: &Subject) -> Answer {
    subject.fill();
    subject.update(subject.max_entries(), BPF_EXIST)
}

/// Updates the index `max_entries`.
pub(crate) fn out_of_range(subject: &Subject) -> Answer {
    subject.update(subject.max_entries(), BPF_ANY)
}

/// Passes a value that is not an open descriptor.
pub(crate) fn bad_descriptor(subject: &Subject) -> Answer {
    subject.update_with(subject.key(0).as_deref(), &subject.descriptor(raw::CLOSED), BPF_ANY)
}

/// Passes the descriptor of an object that no map can contain.
pub(crate) fn other_object(subject: &Subject) -> Answer {
    let file = raw::other_file();
    let value = subject.descriptor(file.as_raw_fd());
    subject.update_with(subject.key(0).as_deref(), &value, BPF_ANY)
}

/// Passes a flag that no kernel knows.
pub(crate) fn unknown_flags(subject: &Subject) -> Answer {
    subject.update(0, UNKNOWN_FLAG)
}

/// Passes a flag in the upper half of the flags.
pub(crate) fn unknown_high_flags(subject: &Subject) -> Answer {
    subject.update(0, UNKNOWN_HIGH_FLAG)
}

/// Passes `BPF_F_CPU`, so that only the value of the last CPU changes.
pub(crate) fn one_cpu(subject: &Subject) -> Answer {
    subject.insert(0);
    let cpu = subject.last_cpu();
    let written = subject.value(1);
    let value = subject.one_of(subject.share(&written, cpu));
    let answer = subject.update_with(subject.key(0).as_deref(), &value, raw::on_cpu(cpu));
    if let (Answer::OK, Some(old), Some(new)) = (answer, subject.stored(0), subject.stored(1)) {
        subject.assert_shares(0, |at| subject.share(if at == cpu { &new } else { &old }, at));
    }
    answer
}

/// Passes `BPF_F_CPU` with a CPU that the machine can't have.
pub(crate) fn unknown_cpu(subject: &Subject) -> Answer {
    subject.update(0, UNKNOWN_CPU)
}

/// Passes `BPF_F_ALL_CPUS`, so that every CPU gets the same value.
pub(crate) fn all_cpus(subject: &Subject) -> Answer {
    subject.insert(0);
    let written = subject.value(1);
    let value = subject.one_of(subject.share(&written, 0));
    let answer = subject.update_with(subject.key(0).as_deref(), &value, BPF_F_ALL_CPUS);
    if let (Answer::OK, Some(new)) = (answer, subject.stored(1)) {
        subject.assert_shares(0, |_| subject.share(&new, 0));
    }
    answer
}

/// Passes `BPF_NOEXIST` to a map without keys.
pub(crate) fn no_exist(subject: &Subject) -> Answer {
    subject.update(0, BPF_NOEXIST)
}

/// Passes both `BPF_NOEXIST` and `BPF_EXIST`.
pub(crate) fn no_exist_and_exist(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.update(0, BPF_NOEXIST | BPF_EXIST)
}

/// Passes `BPF_F_LOCK` to a map whose value contains no spin lock.
pub(crate) fn lock_without_spin_lock(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.update(0, BPF_F_LOCK)
}

/// Inserts a key whose prefix is longer than its data.
pub(crate) fn prefix_too_long(subject: &Subject) -> Answer {
    let key = Keys::too_long_prefix(subject.key_size());
    subject.update_with(Some(&key), &subject.value(0), BPF_ANY)
}

/// Passes a key to a map without keys.
pub(crate) fn key_given(subject: &Subject) -> Answer {
    subject.update_with(Some(&[0; 4]), &subject.value(0), BPF_ANY)
}

/// Passes a key that is not the number of a CPU.
pub(crate) fn impossible_cpu(subject: &Subject) -> Answer {
    subject.update(subject.max_entries() - 1, BPF_ANY)
}

/// Inserts a socket that the map already contains under another key.
pub(crate) fn socket_in_use(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.update_with(subject.key(1).as_deref(), &subject.value(0), BPF_ANY)
}

macro_rules! refused {
    ($($(#[$doc:meta])* $name:ident: $refused:ident;)*) => { $(
        $(#[$doc])*
        pub(crate) fn $name(subject: &Subject) -> Answer {
            let value = subject.refused_value(Refused::$refused);
            subject.update_with(subject.key(0).as_deref(), &value, BPF_ANY)
        }
    )* };
}
refused! {
    /// Passes an interface index or a queue length of 0.
    zero_number: ZeroNumber;

    /// Passes an index that no interface has.
    unknown_interface: UnknownInterface;

    /// Passes a queue that is longer than the kernel allows.
    queue_too_long: QueueTooLong;

    /// Passes a value for an interface or a CPU. The program in the value was loaded for another
    /// attach type.
    program_of_other_kind: ProgramOfOtherKind;

    /// Passes a socket with a family or a state that the map does not accept.
    unfit_socket: UnfitSocket;

    /// Passes a connected socket of the family `AF_UNIX`.
    unix_socket: UnixSocket;

    /// Passes a UDP socket that is not bound.
    unbound_socket: UnboundSocket;

    /// Passes a socket without the option `SO_REUSEPORT`.
    without_reuseport: WithoutReuseport;

    /// Passes an `AF_XDP` socket without a receive ring.
    without_ring: WithoutRing;
}

/// Passes a key that is not an open descriptor.
pub(crate) fn bad_owner(subject: &Subject) -> Answer {
    subject.update_with(Some(&raw::CLOSED.to_ne_bytes()), &subject.value(0), BPF_ANY)
}

/// Passes a key that is the descriptor of an object to which no value is attached.
pub(crate) fn other_owner(subject: &Subject) -> Answer {
    let file = raw::other_file();
    subject.update_with(Some(&file.as_raw_fd().to_ne_bytes()), &subject.value(0), BPF_ANY)
}
