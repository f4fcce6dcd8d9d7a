//! `BPF_MAP_UPDATE_ELEM`: what an update, or a push, is answered.

use std::os::fd::AsRawFd as _;

use crate::keys::Keys;
use crate::raw::{
    self, BPF_ANY, BPF_EXIST, BPF_F_ALL_CPUS, BPF_F_LOCK, BPF_NOEXIST, UNKNOWN_CPU, UNKNOWN_FLAG,
    UNKNOWN_HIGH_FLAG,
};
use crate::values::Refused;
use crate::{Answer, Subject};

/// A new entry, or an index that is always there.
pub(crate) fn plain(subject: &Subject) -> Answer {
    let answer = subject.update(0, BPF_ANY);
    if answer == Answer::OK {
        subject.assert_stored(0);
    }
    answer
}

/// `BPF_NOEXIST`, and the key is there.
pub(crate) fn no_exist_on_present(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.update_with(subject.key(0).as_deref(), &subject.value(1), BPF_NOEXIST)
}

/// `BPF_NOEXIST`, and the object to put in is there already.
pub(crate) fn no_exist_on_same(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.update(0, BPF_NOEXIST)
}

/// `BPF_NOEXIST`, and the key is not there.
pub(crate) fn no_exist_on_missing(subject: &Subject) -> Answer {
    let answer = subject.update(0, BPF_NOEXIST);
    if answer == Answer::OK {
        subject.assert_stored(0);
    }
    answer
}

/// The key is not there, and user space can make no entries.
pub(crate) fn missing(subject: &Subject) -> Answer {
    subject.update(0, BPF_ANY)
}

/// `BPF_EXIST`, and the key is not there.
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

/// A key that is there, and the map is full.
pub(crate) fn full_present_key(subject: &Subject) -> Answer {
    subject.fill();
    let last = subject.max_entries() - 1;
    let answer = subject.update(last, BPF_ANY);
    if answer == Answer::OK {
        subject.assert_stored(last);
    }
    answer
}

/// `BPF_EXIST`, the map is full, and the key is not there.
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

/// The value is no open descriptor.
pub(crate) fn bad_descriptor(subject: &Subject) -> Answer {
    subject.update_with(subject.key(0).as_deref(), &subject.descriptor(raw::CLOSED), BPF_ANY)
}

/// The value is the descriptor of something that no map holds.
pub(crate) fn other_object(subject: &Subject) -> Answer {
    let file = raw::other_file();
    let value = subject.descriptor(file.as_raw_fd());
    subject.update_with(subject.key(0).as_deref(), &value, BPF_ANY)
}

/// A flag that no kernel knows.
pub(crate) fn unknown_flags(subject: &Subject) -> Answer {
    subject.update(0, UNKNOWN_FLAG)
}

/// A bit of the upper half of the flags.
pub(crate) fn unknown_high_flags(subject: &Subject) -> Answer {
    subject.update(0, UNKNOWN_HIGH_FLAG)
}

/// `BPF_F_CPU`: the value of the last CPU, and the others stay.
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

/// `BPF_F_CPU`, and the machine can have no such CPU.
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

/// `BPF_F_LOCK`, and the value has no spin lock.
pub(crate) fn lock_without_spin_lock(subject: &Subject) -> Answer {
    subject.insert(0);
    subject.update(0, BPF_F_LOCK)
}

/// The prefix is longer than the data.
pub(crate) fn prefix_too_long(subject: &Subject) -> Answer {
    let key = Keys::too_long_prefix(subject.key_size());
    subject.update_with(Some(&key), &subject.value(0), BPF_ANY)
}

/// A key is given to a map that has none.
pub(crate) fn key_given(subject: &Subject) -> Answer {
    subject.update_with(Some(&[0; 4]), &subject.value(0), BPF_ANY)
}

/// No CPU has the number that is the key.
pub(crate) fn impossible_cpu(subject: &Subject) -> Answer {
    subject.update(subject.max_entries() - 1, BPF_ANY)
}

/// The socket is in the map already, under another key.
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

    /// No interface has the index.
    unknown_interface: UnknownInterface;

    /// A CPU's queue is longer than the kernel allows.
    queue_too_long: QueueTooLong;

    /// The program of an interface or a CPU was loaded for another place.
    program_of_other_kind: ProgramOfOtherKind;

    /// The socket is of a family or in a state that the map does not take.
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

/// The key is no open descriptor.
pub(crate) fn bad_owner(subject: &Subject) -> Answer {
    subject.update_with(Some(&raw::CLOSED.to_ne_bytes()), &subject.value(0), BPF_ANY)
}

/// The key is the descriptor of something that no value is attached to.
pub(crate) fn other_owner(subject: &Subject) -> Answer {
    let file = raw::other_file();
    subject.update_with(Some(&file.as_raw_fd().to_ne_bytes()), &subject.value(0), BPF_ANY)
}
