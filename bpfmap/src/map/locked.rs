//! Operations under the spin lock in a value.

use super::element::LOCK;
use super::{Map, UpdateMode, Value};
use crate::error::{Operation, Result};
use crate::kernel_fields::HasSpinLock;
use crate::kind::{Lock, LookupElement, UpdateElement};
use crate::spec::MapSpec;
use crate::sys::Command;

impl<S: MapSpec> Map<S> {
    /// As [`lookup`](Self::lookup), under the lock: the value is whole, never half of one update and half of another
    /// (`BPF_F_LOCK`, Linux 5.1).
    ///
    /// # Errors
    /// `EINVAL`: the map has no BTF that shows the kernel where the lock is. `EPERM`: the descriptor is write-only.
    #[inline]
    pub fn lookup_locked(&self, key: &S::Key) -> Result<Option<Value<S>>>
    where
        S::Kind: Lock + LookupElement,
        S::Value: HasSpinLock,
    {
        self.read((Command::LookupElem, Operation::Lookup), Some(key), LOCK)
    }

    /// As [`lookup_locked`](Self::lookup_locked), into `into`.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn lookup_into_locked(&self, key: &S::Key, into: &mut Value<S>) -> Result<bool>
    where
        S::Kind: Lock + LookupElement,
        S::Value: HasSpinLock,
    {
        self.read_into((Command::LookupElem, Operation::Lookup), Some(key), into, LOCK)
    }
}

impl<S: MapSpec> Map<S> {
    /// As [`update`](Self::update), under the lock: a present value changes in place, whole, and never while a program
    /// holds the lock (`BPF_F_LOCK`, Linux 5.1). What the new value has in the lock's place is ignored.
    ///
    /// # Errors
    /// `EINVAL`: the map has no BTF that shows the kernel where the lock is. Else as [`update`](Self::update).
    #[inline]
    pub fn update_locked(&self, key: &S::Key, value: &Value<S>, mode: UpdateMode) -> Result<()>
    where
        S::Kind: Lock + UpdateElement,
        S::Value: HasSpinLock,
    {
        self.write(Some(key), value, mode as u64 | LOCK)
            .map_err(|errno| Self::failed(Operation::Update, errno))
    }
}
