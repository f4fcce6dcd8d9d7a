//! Values of per-CPU maps.

use crate::error::Result;
use crate::held::Held;
use crate::plain::Plain;
use crate::possible_cpus::possible_cpus;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Range;
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
    /// The number of possible CPUs can't be learnt: see [`possible_cpus`](crate::possible_cpus).
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
    /// The number of possible CPUs can't be learnt: see [`possible_cpus`](crate::possible_cpus).
    pub fn splat(value: V) -> Result<Self> {
        Self::from_fn(|_| value)
    }

    /// All zero: a buffer to look up into.
    ///
    /// # Errors
    /// The number of possible CPUs can't be learnt: see [`possible_cpus`](crate::possible_cpus).
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
            // SAFETY: a chunk is `WORDS` words, as in `get`.
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

// SAFETY: the kernel copies each value's size, rounded up to 8, times the possible CPUs. A buffer has that many words:
// `possible_cpus` has compared its number with the kernel's, and gives the same for the life of the process.
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
        // SAFETY: the caller promises `Held::size` bytes, as many as the words have; they don't overlap, as `entry` is new.
        unsafe { core::ptr::copy_nonoverlapping(from, entry.address_mut(), entry.words.len() * 8) };
        Ok(entry)
    }

    fn as_batch(entries: &[Self]) -> Cow<'_, [u8]> {
        let words = entries.iter().flat_map(|entry| entry.words.iter());
        Cow::Owned(words.flat_map(|word| word.to_ne_bytes()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
