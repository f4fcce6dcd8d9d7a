//! The spin lock in a value.

use core::ops::Deref;

use aya_ebpf_bindings::helpers::{bpf_spin_lock, bpf_spin_unlock};
use bpfmap::{BpfType, HasSpinLock};
use bpfmap_core::{SpecialField, TypeDesc, is_same};

use crate::cell::SharedCell;

impl<T: HasSpinLock + BpfType> SharedCell<T> {
    /// Takes the spin lock in the value (`bpf_spin_lock`, Linux 5.1). Dropping the result releases the lock.
    ///
    /// The lock excludes other programs that take the lock, and user space that uses the methods with `locked` in
    /// their names. Code that does not take the lock can still change the value.
    ///
    /// Each member other than the lock is a cell: select it with [`field!`](crate::field). The verifier refuses
    /// [`load`](Self::load) and [`store`](Self::store) of the whole value, because only the kernel may access the
    /// bytes of the lock.
    ///
    /// While a program holds the lock, the verifier refuses every call of another helper function, a second lock, and
    /// a return from the program. Some program types, such as tracing programs, can't take a lock at all.
    ///
    /// ```ignore
    /// let balance = BALANCES.lookup(&account)?.lock();
    /// field!(balance.credit).modify(|credit| *credit += amount);
    /// field!(balance.transfers).modify(|transfers| *transfers += 1);
    /// // No other program sees one change without the other.
    /// drop(balance);
    /// ```
    #[inline(always)]
    pub fn lock(&self) -> Locked<'_, T> {
        let locked = Locked { cell: self };
        // SAFETY: the address is the address of the lock in the value of an entry.
        unsafe { bpf_spin_lock(locked.spin_lock()) };
        locked
    }
}

/// A value whose spin lock this program holds. Dropping this value releases the lock (`bpf_spin_unlock`).
#[must_use = "dropping this value releases the lock"]
pub struct Locked<'a, T: HasSpinLock + BpfType> {
    cell: &'a SharedCell<T>,
}

impl<T: HasSpinLock + BpfType> Locked<'_, T> {
    /// Returns the address of the lock.
    #[inline(always)]
    const fn spin_lock<L>(&self) -> *mut L {
        // SAFETY: the offset is the offset of a member of the value.
        unsafe { self.cell.as_ptr().byte_add(const { lock_offset(T::DESC) }).cast() }
    }
}

impl<T: HasSpinLock + BpfType> Deref for Locked<'_, T> {
    type Target = SharedCell<T>;

    #[inline(always)]
    fn deref(&self) -> &SharedCell<T> {
        self.cell
    }
}

impl<T: HasSpinLock + BpfType> Drop for Locked<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: `lock` has taken this lock.
        unsafe { bpf_spin_unlock(self.spin_lock()) };
    }
}

/// Returns the offset of the spin lock in a struct, in bytes.
const fn lock_offset(desc: &TypeDesc<'_>) -> usize {
    let TypeDesc::Struct { members, .. } = desc else {
        panic!("only a struct can have a spin lock");
    };
    let mut index = 0;
    while index < members.len() {
        if is_lock(members[index].ty) {
            return members[index].bit_offset as usize / 8;
        }
        index += 1;
    }
    panic!("the struct has no spin lock")
}

const fn is_lock(desc: &TypeDesc<'_>) -> bool {
    match desc {
        TypeDesc::Struct { name, .. } => is_same(name, SpecialField::SpinLock.name()),
        TypeDesc::Evolved { ty, .. } => is_lock(ty),
        _ => false,
    }
}
