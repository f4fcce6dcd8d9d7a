//! Values of per-CPU maps.

use crate::error::{Error, Operation, Result};
use crate::held::Held;
use crate::plain::Plain;
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Range, RangeInclusive};
use core::sync::atomic::{AtomicUsize, Ordering};
use std::borrow::Cow;

/// One value for each possible CPU: what an entry of a per-CPU map holds.
///
/// In memory each value begins at a multiple of 8 bytes, as the kernel copies them (`bpf_percpu_hash_copy` in
/// `kernel/bpf/hashtab.c`), so reading one into place needs no second buffer. Allocates once; reuse one with
/// [`Map::lookup_into`](crate::Map::lookup_into).
///
/// ```no_run
/// # fn f<S>(map: &bpfmap::Map<S>, key: S::Key) -> bpfmap::Result<()>
/// # where S: bpfmap::MapSpec<Kind = bpfmap::kind::PercpuHash, Value = u64> {
/// if let Some(packets) = map.lookup(&key)? {
///     println!("{} in all, {:?} on CPU 0", packets.iter().sum::<u64>(), packets.get(0));
/// }
/// # Ok(())
/// # }
/// ```
pub struct PerCpu<V> {
    words: Box<[u64]>,
    values: PhantomData<V>,
}

impl<V: Plain> PerCpu<V> {
    const WORDS: usize = {
        assert!(size_of::<V>() > 0, "a map's value has a size");
        size_of::<V>().div_ceil(8)
    };

    /// The value of each CPU, from its number.
    ///
    /// # Errors
    /// The number of possible CPUs can't be learnt: see [`possible_cpus`].
    pub fn from_fn(mut value: impl FnMut(usize) -> V) -> Result<Self> {
        let mut all = Self::zeroed()?;
        for cpu in 0..all.len() {
            all.set(cpu, value(cpu));
        }
        Ok(all)
    }

    /// The same value on each CPU.
    ///
    /// # Errors
    /// The number of possible CPUs can't be learnt: see [`possible_cpus`].
    pub fn splat(value: V) -> Result<Self> {
        Self::from_fn(|_| value)
    }

    /// All zero: a buffer to look up into.
    ///
    /// # Errors
    /// The number of possible CPUs can't be learnt: see [`possible_cpus`].
    pub fn zeroed() -> Result<Self> {
        let words = vec![0; possible_cpus()? * Self::WORDS].into_boxed_slice();
        Ok(Self { words, values: PhantomData })
    }

    /// How many CPUs: each that the machine could ever have, present or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.len() / Self::WORDS
    }

    /// There is no CPU: never.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a CPU; `None` beyond the last.
    #[must_use]
    pub fn get(&self, cpu: usize) -> Option<V> {
        let words = self.words.get(Self::words_of(cpu)?)?;
        // SAFETY: `words` is `WORDS` words, which have room for a `V`; plain data takes any bytes.
        Some(unsafe { words.as_ptr().cast::<V>().read_unaligned() })
    }

    /// The words of a CPU's value; `None` for a number that no machine's CPU has.
    #[inline]
    fn words_of(cpu: usize) -> Option<Range<usize>> {
        let start = cpu.checked_mul(Self::WORDS)?;
        Some(start..start.checked_add(Self::WORDS)?)
    }

    /// Replaces the value of a CPU; `false` beyond the last.
    pub fn set(&mut self, cpu: usize, value: V) -> bool {
        let Some(words) = Self::words_of(cpu).and_then(|range| self.words.get_mut(range)) else {
            return false;
        };
        // SAFETY: `words` is `WORDS` words, borrowed mutably, which have room for a `V`.
        unsafe { words.as_mut_ptr().cast::<V>().write_unaligned(value) };
        true
    }

    /// The values, from CPU 0 up.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = V> + '_ {
        self.words.chunks_exact(Self::WORDS).map(|words| {
            // SAFETY: as in `get`.
            unsafe { words.as_ptr().cast::<V>().read_unaligned() }
        })
    }
}

impl<V> Clone for PerCpu<V> {
    fn clone(&self) -> Self {
        Self { words: self.words.clone(), values: PhantomData }
    }
}

impl<V: Plain + PartialEq> PartialEq for PerCpu<V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<V: Plain + Eq> Eq for PerCpu<V> {}

impl<V: Plain + fmt::Debug> fmt::Debug for PerCpu<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

// SAFETY: the kernel copies each value's size, rounded up to 8, times the possible CPUs; a buffer has that many words,
// and `possible_cpus` gives the same number for the life of the process.
unsafe impl<V: Plain> Held for PerCpu<V> {
    type One = V;
    const PER_CPU: bool = true;
    type Slot = Self;

    #[inline]
    fn slot() -> Result<Self> {
        Self::zeroed()
    }

    #[inline]
    fn slot_address(slot: &mut Self) -> *mut u8 {
        slot.address_mut()
    }

    #[inline]
    unsafe fn from_slot(slot: Self) -> Self {
        slot
    }

    #[inline]
    fn address(&self) -> *const u8 {
        self.words.as_ptr().cast()
    }

    #[inline]
    fn address_mut(&mut self) -> *mut u8 {
        self.words.as_mut_ptr().cast()
    }

    #[inline]
    fn size() -> Result<usize> {
        Ok(possible_cpus()? * Self::WORDS * 8)
    }

    unsafe fn read(from: *const u8) -> Result<Self> {
        let mut entry = Self::zeroed()?;
        // SAFETY: as the caller says; the buffers don't overlap, as `entry` is new.
        unsafe { core::ptr::copy_nonoverlapping(from, entry.address_mut(), entry.words.len() * 8) };
        Ok(entry)
    }

    fn as_batch(entries: &[Self]) -> Cow<'_, [u8]> {
        let words = entries.iter().flat_map(|entry| entry.words.iter());
        Cow::Owned(words.flat_map(|word| word.to_ne_bytes()).collect())
    }
}

/// How many CPUs the kernel could ever have: the length of each per-CPU value.
///
/// Read once from `/sys/devices/system/cpu/possible`, and the same for the life of the process.
///
/// # Errors
/// The file can't be read or isn't a list of CPUs: without `/sys` mounted, say.
#[inline]
pub fn possible_cpus() -> Result<usize> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    match COUNT.load(Ordering::Relaxed) {
        0 => {
            let count = read_possible_cpus()?;
            COUNT.store(count, Ordering::Relaxed);
            Ok(count)
        }
        count => Ok(count),
    }
}

#[cold]
fn read_possible_cpus() -> Result<usize> {
    let list = std::fs::read_to_string("/sys/devices/system/cpu/possible").map_err(|error| {
        Error::os(Operation::PossibleCpus, "", error.raw_os_error().unwrap_or(libc::EIO))
    })?;
    count_cpus(&list).ok_or_else(|| Error::os(Operation::PossibleCpus, "", libc::EINVAL))
}

/// Counts the CPUs of a list such as `0-3,5`.
fn count_cpus(text: &str) -> Option<usize> {
    let count = cpu_ranges(text)?.into_iter().try_fold(0_usize, |count, range| {
        count.checked_add(range.end().checked_sub(*range.start())?.checked_add(1)?)
    })?;
    // The kernel's own limit (NR_CPUS) is far below.
    (count <= 1 << 20).then_some(count)
}

/// The ranges of a list of CPUs such as `0-3,5`; none may be backwards.
pub(crate) fn cpu_ranges(text: &str) -> Option<Vec<RangeInclusive<usize>>> {
    let range = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        (first <= last).then_some(first..=last)
    };
    text.trim_end().split(',').map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_lists_are_counted() {
        assert_eq!(count_cpus("0\n"), Some(1));
        assert_eq!(count_cpus("0-3\n"), Some(4));
        assert_eq!(count_cpus("0-1,4,6-7\n"), Some(5));
        assert_eq!(count_cpus(""), None);
        assert_eq!(count_cpus("3-1"), None);
        assert_eq!(count_cpus("0-18446744073709551615"), None);
        assert_eq!(count_cpus("x"), None);
    }

    #[test]
    fn values_are_apart() -> Result<()> {
        let mut values = PerCpu::<[u8; 3]>::zeroed()?;
        let cpus = possible_cpus()?;
        assert_eq!(values.len(), cpus);
        assert!(values.set(0, [1, 2, 3]));
        assert!(!values.set(cpus, [9; 3]));
        assert_eq!(values.get(0), Some([1, 2, 3]));
        assert_eq!(values.get(cpus), None);
        assert_eq!(values.iter().len(), cpus);
        assert_eq!(PerCpu::<[u8; 3]>::size()?, cpus * 8);
        Ok(())
    }

    #[test]
    fn an_over_aligned_value_is_read_in_place() -> Result<()> {
        let values = PerCpu::<u128>::from_fn(|cpu| cpu as u128 + (1 << 100))?;
        assert_eq!(values.get(0), Some(1 << 100));
        assert_eq!(values.iter().last(), Some((1 << 100) + possible_cpus()? as u128 - 1));
        Ok(())
    }
}
