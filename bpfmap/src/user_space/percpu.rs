//! Values of per-CPU maps.

use crate::plain::Plain;
use crate::user_space::error::Result;
use crate::user_space::held::Held;
use crate::user_space::possible_cpus::possible_cpus;
use core::fmt;
use core::iter::FusedIterator;
use core::ops::{Index, IndexMut};
use core::{ptr, slice};
use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
use std::borrow::Cow;

/// The values of an entry in a per-CPU map: one value for each possible CPU.
///
/// A `PerCpu` works like a boxed slice whose length is [`possible_cpus`](crate::possible_cpus). The
/// index of a value is the number of its CPU. In memory, each value begins at a multiple of 8
/// bytes. The kernel copies values in this layout (`bpf_percpu_hash_copy` in
/// `kernel/bpf/hashtab.c`). The kernel can therefore write an entry directly into a `PerCpu`,
/// without a second buffer.
///
/// Creating a `PerCpu` allocates memory once. To avoid allocations, use
/// [`Map::lookup_into`](crate::Map::lookup_into), which reads into an existing `PerCpu`, or
/// [`Map::walk`](crate::Map::walk), which reads all entries into the same buffer.
///
/// ```no_run
/// # fn f<S>(map: &bpfmap::Map<S>, key: S::Key) -> bpfmap::Result<()>
/// # where S: bpfmap::MapSpec<Kind = bpfmap::kind::PercpuHash, Value = u64> {
/// if let Some(packets) = map.lookup(&key)? {
///     println!("{} in all, {} on CPU 0", packets.iter().sum::<u64>(), packets[0]);
///     for (cpu, packets) in packets.iter().enumerate() {
///         println!("CPU {cpu}: {packets}");
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct PerCpu<V> {
    /// All bytes are initialised, including the padding after each value, because the kernel reads
    /// all bytes.
    slots: Box<[Slot<V>]>,
}

/// A value, followed by padding up to a multiple of 8 bytes.
#[repr(C)]
struct Slot<V> {
    value: V,
    aligned: [u64; 0],
}

impl<V: Plain> PerCpu<V> {
    /// The number of bytes that the kernel copies for one CPU's value.
    const SLOT: usize = {
        assert!(size_of::<V>() > 0, "the size of a map's value is not zero");
        assert!(
            size_of::<Slot<V>>() == size_of::<V>().next_multiple_of(8),
            "a slot does not have the size that the kernel copies"
        );
        size_of::<Slot<V>>()
    };

    /// Creates the value of each CPU by calling `value` with the number of the CPU.
    ///
    /// ```
    /// use bpfmap::PerCpu;
    ///
    /// let mut limits = PerCpu::from_fn(|cpu| if cpu == 0 { 50_000 } else { 1_000_u64 })?;
    /// assert_eq!((limits.len(), limits.is_empty()), (bpfmap::possible_cpus()?, false));
    /// assert_eq!((limits.get(0), limits.get(limits.len())), (Some(&50_000), None));
    ///
    /// *limits.get_mut(0).expect("every machine has a CPU 0") = 2_000;
    /// limits.iter_mut().for_each(|limit| *limit /= 2);
    /// assert_eq!(limits[0], 1_000);
    /// // Values of 8 bytes have no gaps between them.
    /// assert_eq!(limits.as_slice().map(|limits| limits.len()), Some(limits.len()));
    ///
    /// assert!(PerCpu::splat(500_u64)?.iter().all(|limit| *limit == 500));
    /// # Ok::<(), bpfmap::Error>(())
    /// ```
    ///
    /// # Errors
    /// Fails if the number of possible CPUs is not available: see
    /// [`possible_cpus`](crate::possible_cpus).
    pub fn from_fn(mut value: impl FnMut(usize) -> V) -> Result<Self> {
        let mut all = Self::zeroed()?;
        for (cpu, place) in all.iter_mut().enumerate() {
            *place = value(cpu);
        }
        Ok(all)
    }

    /// Returns a `PerCpu` with the same value for each CPU.
    ///
    /// # Errors
    /// Fails if the number of possible CPUs is not available: see
    /// [`possible_cpus`](crate::possible_cpus).
    pub fn splat(value: V) -> Result<Self> {
        Self::from_fn(|_| value)
    }

    /// Returns a `PerCpu` in which all bytes of each value are zero. You can use this `PerCpu` as a
    /// buffer for [`Map::lookup_into`](crate::Map::lookup_into).
    ///
    /// # Errors
    /// Fails if the number of possible CPUs is not available: see
    /// [`possible_cpus`](crate::possible_cpus).
    pub fn zeroed() -> Result<Self> {
        possible_cpus().map(Self::zeroed_for)
    }

    /// Returns a `PerCpu` for this many CPUs, in which all bytes of each value are zero.
    fn zeroed_for(cpus: usize) -> Self {
        let () = assert!(
            cpus > 0 && Self::SLOT > 0,
            "a machine has at least one CPU, and the size of a value is not zero"
        );
        // This can't overflow, because the kernel keeps all values in memory.
        let Ok(layout) = Layout::array::<Slot<V>>(cpus) else { panic!("more values than memory") };
        // SAFETY: the size of the layout is not zero, because there is at least one CPU, and the
        // size of a value is not zero.
        let start = unsafe { alloc_zeroed(layout) }.cast::<Slot<V>>();
        if start.is_null() {
            handle_alloc_error(layout);
        }
        // SAFETY: the global allocator returned this memory for an array of `cpus` slots, and zero
        // bytes are a valid value of plain data.
        let slots = unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(start, cpus)) };
        Self { slots }
    }

    /// Returns the number of possible CPUs. This number includes CPUs that are not present.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Returns whether there are no values. The result is always `false`, because every machine has
    /// a CPU.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Returns the value of a CPU, or `None` if there is no CPU with this number.
    #[must_use]
    pub fn get(&self, cpu: usize) -> Option<&V> {
        self.slots.get(cpu).map(|slot| &slot.value)
    }

    /// Returns a mutable reference to the value of a CPU, or `None` if there is no CPU with this
    /// number.
    #[must_use]
    pub fn get_mut(&mut self, cpu: usize) -> Option<&mut V> {
        self.slots.get_mut(cpu).map(|slot| &mut slot.value)
    }

    /// Returns the values as a slice. Returns `None` if the size of `V` is not a multiple of 8
    /// bytes, because the values then have padding between them.
    #[must_use]
    pub fn as_slice(&self) -> Option<&[V]> {
        // SAFETY: the slots have the size of their values, so an array of slots is an array of values.
        (Self::SLOT == size_of::<V>())
            .then(|| unsafe { slice::from_raw_parts(self.slots.as_ptr().cast(), self.slots.len()) })
    }

    /// Returns an iterator over the values, starting with CPU 0.
    #[must_use]
    pub fn iter(&self) -> PerCpuIter<'_, V> {
        PerCpuIter(self.slots.iter())
    }

    /// Returns an iterator over mutable references to the values, starting with CPU 0.
    pub fn iter_mut(&mut self) -> PerCpuIterMut<'_, V> {
        PerCpuIterMut(self.slots.iter_mut())
    }

    /// Returns all bytes that the kernel copies.
    fn bytes(&self) -> &[u8] {
        // SAFETY: the slots have this many bytes, and the result borrows them. All are initialised: they were zero
        // after allocation, and since then only the kernel has written to them, or values of plain data, which has no
        // padding. A slot is never written as a whole.
        unsafe { slice::from_raw_parts(self.address(), self.slots.len() * Self::SLOT) }
    }
}

impl<V: Plain> Clone for PerCpu<V> {
    fn clone(&self) -> Self {
        let mut copy = Self::zeroed_for(self.len());
        copy.clone_from(self);
        copy
    }

    fn clone_from(&mut self, source: &Self) {
        for (place, value) in self.iter_mut().zip(source) {
            *place = *value;
        }
    }
}

impl<V: Plain> Index<usize> for PerCpu<V> {
    type Output = V;

    /// # Panics
    /// Panics if there is no CPU with this number.
    fn index(&self, cpu: usize) -> &V {
        &self.slots[cpu].value
    }
}

impl<V: Plain> IndexMut<usize> for PerCpu<V> {
    /// # Panics
    /// Panics if there is no CPU with this number.
    fn index_mut(&mut self, cpu: usize) -> &mut V {
        &mut self.slots[cpu].value
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
        f.debug_list().entries(self).finish()
    }
}

macro_rules! iterator {
    ($(#[$doc:meta])* $name:ident $(<$life:lifetime>)?, $inner:ty, $item:ty, $value:expr) => {
        $(#[$doc])*
        pub struct $name<$($life,)? V>($inner);

        impl<$($life,)? V> Iterator for $name<$($life,)? V> {
            type Item = $item;

            fn next(&mut self) -> Option<$item> {
                self.0.next().map($value)
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                self.0.size_hint()
            }

            fn nth(&mut self, n: usize) -> Option<$item> {
                self.0.nth(n).map($value)
            }
        }

        impl<$($life,)? V> DoubleEndedIterator for $name<$($life,)? V> {
            fn next_back(&mut self) -> Option<$item> {
                self.0.next_back().map($value)
            }
        }

        impl<$($life,)? V> ExactSizeIterator for $name<$($life,)? V> {}
        impl<$($life,)? V> FusedIterator for $name<$($life,)? V> {}

        impl<$($life,)? V> fmt::Debug for $name<$($life,)? V> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("left", &self.len()).finish_non_exhaustive()
            }
        }
    };
}

iterator!(
    /// An iterator over the values of each CPU: see [`PerCpu::iter`].
    PerCpuIter<'a>, slice::Iter<'a, Slot<V>>, &'a V, |slot| &slot.value);
iterator!(
    /// An iterator over mutable references to the values of each CPU: see [`PerCpu::iter_mut`].
    PerCpuIterMut<'a>, slice::IterMut<'a, Slot<V>>, &'a mut V, |slot| &mut slot.value);
iterator!(
    /// An iterator that owns the values of each CPU: see [`PerCpu`].
    ///
    /// ```
    /// use bpfmap::{PerCpu, PerCpuIntoIter};
    ///
    /// let mut left: PerCpuIntoIter<u64> = PerCpu::splat(3)?.into_iter();
    /// assert_eq!((left.next(), left.len()), (Some(3), bpfmap::possible_cpus()? - 1));
    /// # Ok::<(), bpfmap::Error>(())
    /// ```
    PerCpuIntoIter, std::vec::IntoIter<Slot<V>>, V, |slot| slot.value);

impl<V> Clone for PerCpuIter<'_, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<'a, V: Plain> IntoIterator for &'a PerCpu<V> {
    type Item = &'a V;
    type IntoIter = PerCpuIter<'a, V>;

    fn into_iter(self) -> PerCpuIter<'a, V> {
        self.iter()
    }
}

impl<'a, V: Plain> IntoIterator for &'a mut PerCpu<V> {
    type Item = &'a mut V;
    type IntoIter = PerCpuIterMut<'a, V>;

    fn into_iter(self) -> PerCpuIterMut<'a, V> {
        self.iter_mut()
    }
}

impl<V: Plain> IntoIterator for PerCpu<V> {
    type Item = V;
    type IntoIter = PerCpuIntoIter<V>;

    fn into_iter(self) -> PerCpuIntoIter<V> {
        PerCpuIntoIter(self.slots.into_vec().into_iter())
    }
}

// SAFETY: the kernel copies each value's size, rounded up to 8, times the possible CPUs. A buffer has that many bytes:
// `possible_cpus` has compared its number with the kernel's, and returns the same number for the life of the process.
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

    fn boxed() -> Result<Box<Self>> {
        Self::zeroed().map(Box::new)
    }

    #[inline]
    fn address(&self) -> *const u8 {
        self.slots.as_ptr().cast()
    }

    #[inline]
    fn address_mut(&mut self) -> *mut u8 {
        self.slots.as_mut_ptr().cast()
    }

    #[inline]
    fn size() -> Result<usize> {
        Ok(possible_cpus()? * Self::SLOT)
    }

    unsafe fn read(from: *const u8) -> Result<Self> {
        let mut entry = Self::zeroed()?;
        // SAFETY: the caller promises `Held::size` bytes, which is the size of the slots. They don't overlap, because
        // `entry` is new.
        unsafe { ptr::copy_nonoverlapping(from, entry.address_mut(), entry.bytes().len()) };
        Ok(entry)
    }

    fn as_batch(entries: &[Self]) -> Cow<'_, [u8]> {
        Cow::Owned(entries.iter().flat_map(Self::bytes).copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_begin_at_multiples_of_eight_bytes() -> Result<()> {
        let mut values = PerCpu::<[u8; 3]>::zeroed()?;
        let cpus = possible_cpus()?;
        assert_eq!(values.len(), cpus);
        values[0] = [1, 2, 3];
        assert_eq!(values.get_mut(cpus), None);
        assert_eq!(values.get(0), Some(&[1, 2, 3]));
        assert_eq!(values.get(cpus), None);
        assert_eq!(values.iter().len(), cpus);
        assert_eq!(PerCpu::<[u8; 3]>::size()?, cpus * 8);
        Ok(())
    }

    #[test]
    fn an_over_aligned_value_is_read_in_place() -> Result<()> {
        let values = PerCpu::<u128>::from_fn(|cpu| cpu as u128 + (1 << 100))?;
        assert_eq!(values.get(0), Some(&(1 << 100)));
        assert_eq!(values.iter().next_back(), Some(&((1 << 100) + possible_cpus()? as u128 - 1)));
        Ok(())
    }

    #[test]
    fn values_can_be_iterated_like_a_slice() -> Result<()> {
        let mut values = PerCpu::<u32>::from_fn(|cpu| u32::try_from(cpu).unwrap_or(0))?;
        for value in &mut values {
            *value += 1;
        }
        let cpus = u32::try_from(possible_cpus()?).unwrap_or(0);
        let sum = (1..=cpus).sum::<u32>();
        assert_eq!((&values).into_iter().sum::<u32>(), sum);
        assert_eq!(values.iter().next_back(), Some(&cpus));
        let bytes: Vec<u8> =
            (1..=cpus).flat_map(|value| u64::from(value.to_le()).to_le_bytes()).collect();
        if cfg!(target_endian = "little") {
            assert_eq!(values.bytes(), bytes, "padding is zero");
        }
        assert_eq!(values.as_slice(), None);
        assert_eq!(values.clone(), values);
        assert_eq!(values.into_iter().sum::<u32>(), sum);
        let whole = PerCpu::<[u32; 2]>::splat([1, 2])?;
        assert_eq!(whole.as_slice(), Some(&*vec![[1, 2]; whole.len()]));
        Ok(())
    }
}
