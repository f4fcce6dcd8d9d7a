//! `BPF_MAP_UPDATE_ELEM`: the kernel's answers to an update or a push.

use std::os::fd::AsRawFd as _;

use crate::keys::Keys;
use crate::raw::{
    self, BPF_ANY, BPF_EXIST, BPF_F_ALL_CPUS, BPF_F_LOCK, BPF_NOEXIST, UNKNOWN_CPU, UNKNOWN_FLAG,
    UNKNOWN_HIGH_FLAG,
};
use crate::values::Refused;
use crate::{Answer, Subject};

/// A new entry, or an index that always exists.
pub(crate) fn plain(subject: &Subject) -> Answer {
    let answer = subject.update(0, BPF_ANY);
    if answer == Answer::OK {
        subject.assert_stored(0);
    }
    answer
}

/// `BPF_NOEXIST`, and the key exists.
pub(crate) fn no_exist_on_present(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.update_with(subject.key(0).as_deref(), &subject.value(1), BPF_NOEXIST)
}

/// `BPF_NOEXIST`, and the object to insert is already there.
pub(crate) fn no_exist_on_same(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.update(0, BPF_NOEXIST)
}

/// `BPF_NOEXIST`, and the key does not exist.
pub(crate) fn no_exist_on_missing(subject: &Subject) -> Answer {
    let answer = subject.update(0, BPF_NOEXIST);
    if answer == Answer::OK {
        subject.assert_stored(0);
    }
    answer
}

/// The key does not exist, and user space can't create entries.
pub(crate) fn missing(subject: &Subject) -> Answer {
    subject.update(0, BPF_ANY)
}

/// `BPF_EXIST`, and the key does not exist.
pub(crate) fn exist_on_missing(subject: &Subject) -> Answer {
    subject.update(0, BPF_EXIST)
}

/// A new key, and the map is full.
pub(crate) fn full_new_key(subject: &Subject) -> Answer {
    subject.fill();
    let answer = subject.update(subject.max_entries(), BPF_ANY);
    if answer == Answer::OK {
        subject.assert_stored(subject.max_entries());
    }
    answer
}

/// An existing key, and the map is full.
pub(crate) fn full_present_key(subject: &Subject) -> Answer {
    subject.fill();
    let last = subject.max_entries() - 1;
    let answer = subject.update(last, BPF_ANY);
    if answer == Answer::OK {
        subject.assert_stored(last);
    }
    answer
}

/// `BPF_EXIST`, the map is full, and the key does not exist.
pub(crate) fn full_exist_on_missing(subject: &Subject) -> Answer {
    subject.fill();
    subject.update(subject.max_entries(), BPF_EXIST)
}

/// `BPF_EXIST` on a full queue or stack.
pub(crate) fn full_overwrite(subject: &Subject) -> Answer {
    subject.fill();
    subject.update(subject.max_entries(), BPF_EXIST)
}

/// The index is `max_entries`.
pub(crate) fn out_of_range(subject: &Subject) -> Answer {
    subject.update(subject.max_entries(), BPF_ANY)
}

/// The value is not an open descriptor.
pub(crate) fn bad_descriptor(subject: &Subject) -> Answer {
    subject.update_with(subject.key(0).as_deref(), &subject.descriptor(raw::CLOSED), BPF_ANY)
}

/// The value is the descriptor of an object that no map can contain.
pub(crate) fn other_object(subject: &Subject) -> Answer {
    let file = raw::other_file();
    let value = subject.descriptor(file.as_raw_fd());
    subject.update_with(subject.key(0).as_deref(), &value, BPF_ANY)
}

/// A flag that no kernel knows.
pub(crate) fn unknown_flags(subject: &Subject) -> Answer {
    subject.update(0, UNKNOWN_FLAG)
}

/// A bit in the upper half of the flags.
pub(crate) fn unknown_high_flags(subject: &Subject) -> Answer {
    subject.update(0, UNKNOWN_HIGH_FLAG)
}

/// `BPF_F_CPU`: only the value of the last CPU changes.
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

/// `BPF_F_CPU` with a CPU that the machine cannot have.
pub(crate) fn unknown_cpu(subject: &Subject) -> Answer {
    subject.update(0, UNKNOWN_CPU)
}

/// `BPF_F_ALL_CPUS`: one value for each CPU.
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

/// `BPF_NOEXIST` on a map without keys.
pub(crate) fn no_exist(subject: &Subject) -> Answer {
    subject.update(0, BPF_NOEXIST)
}

/// Both `BPF_NOEXIST` and `BPF_EXIST`.
pub(crate) fn no_exist_and_exist(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.update(0, BPF_NOEXIST | BPF_EXIST)
}

/// `BPF_F_LOCK`, but the value has no spin lock.
pub(crate) fn lock_without_spin_lock(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.update(0, BPF_F_LOCK)
}

/// The prefix is longer than the data.
pub(crate) fn prefix_too_long(subject: &Subject) -> Answer {
    let key = Keys::too_long_prefix(subject.key_size());
    subject.update_with(Some(&key), &subject.value(0), BPF_ANY)
}

/// A key is passed to a map without keys.
pub(crate) fn key_given(subject: &Subject) -> Answer {
    subject.update_with(Some(&[0; 4]), &subject.value(0), BPF_ANY)
}

/// The key is not the number of a CPU.
pub(crate) fn impossible_cpu(subject: &Subject) -> Answer {
    subject.update(subject.max_entries() - 1, BPF_ANY)
}

/// The socket is already in the map, under a different key.
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
    /// The number of the object is 0.
    zero_number: ZeroNumber;

    /// There is no interface with this index.
    unknown_interface: UnknownInterface;

    /// A CPU's queue is longer than the kernel allows.
    queue_too_long: QueueTooLong;

    /// The program of an interface or a CPU was loaded for a different attach type.
    program_of_other_kind: ProgramOfOtherKind;

    /// The socket has a family or a state that the map does not accept.
    unfit_socket: UnfitSocket;

    /// A connected socket of the family `AF_UNIX`.
    unix_socket: UnixSocket;

    /// A UDP socket that is not bound.
    unbound_socket: UnboundSocket;

    /// A socket without the option `SO_REUSEPORT`.
    without_reuseport: WithoutReuseport;

    /// An `AF_XDP` socket without a receive ring.
    without_ring: WithoutRing;
}

/// The key is not an open descriptor.
pub(crate) fn bad_owner(subject: &Subject) -> Answer {
    subject.update_with(Some(&raw::CLOSED.to_ne_bytes()), &subject.value(0), BPF_ANY)
}

/// The key is the descriptor of an object to which no value is attached.
pub(crate) fn other_owner(subject: &Subject) -> Answer {
    let file = raw::other_file();
    subject.update_with(Some(&file.as_raw_fd().to_ne_bytes()), &subject.value(0), BPF_ANY)
}
