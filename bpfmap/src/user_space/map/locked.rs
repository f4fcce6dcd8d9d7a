//! Operations under the spin lock in a value.

use super::element::LOCK;
use super::{Map, UpdateMode, Value};
use crate::kernel_fields::HasSpinLock;
use crate::kind::{Lock, LookupElement, UpdateElement};
use crate::spec::MapSpec;
use crate::user_space::error::{Action, Result};
use crate::user_space::sys::Command;

impl<S: MapSpec> Map<S> {
    /// Returns the entry of a key like [`lookup`](Self::lookup). The kernel copies the value while
    /// it holds the spin lock in the value, so the result never mixes two updates (`BPF_F_LOCK`,
    /// Linux 5.1).
    ///
    /// ```
    /// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
    /// use bpfmap::{BpfMap, BpfType, Map, SpinLock, UpdateMode};
    ///
    /// #[derive(Clone, Copy, Default, BpfType)]
    /// #[repr(C)]
    /// struct Range {
    ///     lock: SpinLock,
    ///     low: u32,
    ///     high: u32,
    /// }
    ///
    /// #[derive(BpfMap)]
    /// #[bpf_map(hash, max_entries = 8)]
    /// struct Ranges {
    ///     key: u32,
    ///     value: Range,
    /// }
    ///
    /// let ranges = Map::<Ranges>::create()?;
    /// // A program that takes the lock sees both numbers change at the same time.
    /// let new = Range { low: 10, high: 20, ..Range::default() };
    /// ranges.update(&1, &Range::default(), UpdateMode::NoExist)?;
    /// ranges.update_locked(&1, &new, UpdateMode::Exist)?;
    ///
    /// let range = ranges.lookup_locked(&1)?.unwrap();
    /// assert_eq!((range.low, range.high), (10, 20));
    /// let mut buffer = Range::default();
    /// assert!(ranges.lookup_into_locked(&1, &mut buffer)?);
    /// assert_eq!(buffer.high, 20);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "derive"))] fn main() {}
    /// ```
    ///
    /// # Errors
    /// `EINVAL`: the map has no BTF, which the kernel needs to find the lock. `EPERM`: the
    /// descriptor is write-only.
    #[inline]
    pub fn lookup_locked(&self, key: &S::Key) -> Result<Option<Value<S>>>
    where
        S::Kind: Lock + LookupElement,
        S::Value: HasSpinLock,
    {
        self.read((Command::LookupElem, Action::Lookup), Some(key), LOCK)
    }

    /// Reads the entry of a key under the spin lock like [`lookup_locked`](Self::lookup_locked),
    /// and writes the value to `into`. Returns `false` if the key is absent.
    ///
    /// # Errors
    /// Fails in the same cases as [`lookup_locked`](Self::lookup_locked).
    #[inline]
    pub fn lookup_into_locked(&self, key: &S::Key, into: &mut Value<S>) -> Result<bool>
    where
        S::Kind: Lock + LookupElement,
        S::Value: HasSpinLock,
    {
        self.read_into((Command::LookupElem, Action::Lookup), Some(key), into, LOCK)
    }
}

impl<S: MapSpec> Map<S> {
    /// Writes the entry of a key like [`update`](Self::update), but under the spin lock in the
    /// value (`BPF_F_LOCK`, Linux 5.1). An existing value changes in place, and programs that take
    /// the lock never see a partial change. The kernel ignores the bytes of the lock in the new
    /// value.
    ///
    /// # Errors
    /// `EINVAL`: the map has no BTF, which the kernel needs to find the lock. Also fails in the
    /// same cases as [`update`](Self::update).
    #[inline]
    pub fn update_locked(&self, key: &S::Key, value: &Value<S>, mode: UpdateMode) -> Result<()>
    where
        S::Kind: Lock + UpdateElement,
        S::Value: HasSpinLock,
    {
        self.write(Some(key), value, mode as u64 | LOCK)
            .map_err(|errno| Self::failed(Action::Update, errno))
    }
}
