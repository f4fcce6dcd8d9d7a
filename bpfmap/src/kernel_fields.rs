//! Members of a value that the kernel owns. User space gives them room and never touches them: on a look-up the kernel
//! shows zeros there, and what an update brings is ignored.

use crate::plain::Plain;
use core::fmt;

/// A `struct bpf_spin_lock` (Linux 5.1): 4 bytes. Only BPF programs take it; user space reads and writes a whole value
/// under it with [`Map::lookup_locked`](crate::Map::lookup_locked) and
/// [`Map::update_locked`](crate::Map::update_locked).
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct SpinLock {
    val: u32,
}

/// A `struct bpf_timer` (Linux 5.15): 16 bytes, aligned to 8.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(C, align(8))]
pub struct Timer {
    opaque: [u64; 2],
}

// SAFETY: one integer.
unsafe impl Plain for SpinLock {}
// SAFETY: two integers.
unsafe impl Plain for Timer {}

impl fmt::Debug for SpinLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpinLock")
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Timer")
    }
}

/// A value with a [`SpinLock`] among its own members, so that an operation can take the lock.
///
/// Generated types with a lock implement it. The kernel finds the lock through the map's BTF; a value that claims one
/// and has none gets `EINVAL`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no spin lock",
    label = "nothing here to lock",
    note = "BPF_F_LOCK without a `struct bpf_spin_lock` in the value is EINVAL: use `lookup` and `update`, or give the value's struct a member of type `spin_lock`"
)]
pub trait HasSpinLock: Plain {}
