//! Values in memory that BPF programs and user space share.

use crate::plain::Plain;
use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;
use core::ops::Deref;
use core::sync::atomic::{
    AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering,
};

/// A value in shared memory that you can read, and that programs or other threads may change at any
/// time.
///
/// An integer of up to 8 bytes is read atomically. A larger value is read in aligned words. Each
/// word is read atomically, but the words can come from different updates. If a program writes a
/// struct at the same time, the result can therefore mix two values. To prevent this, keep a
/// sequence number in the value, or read the entry with a system call under a spin lock.
///
/// ```no_run
/// use bpfmap::{Plain, ReadCell, SharedCell};
/// use std::sync::atomic::{Ordering, fence};
///
/// /// Reads a value that a program changes with a sequence number, which is odd during a change.
/// fn consistent<T: Plain>(sequence: &ReadCell<u32>, value: &ReadCell<T>) -> T {
///     loop {
///         let before = sequence.load();
///         // The fence keeps the loads in this order.
///         fence(Ordering::Acquire);
///         let read = value.load();
///         fence(Ordering::Acquire);
///         if before % 2 == 0 && sequence.load() == before {
///             return read;
///         }
///     }
/// }
///
/// // A `SharedCell`, which can also be written, is read in the same way.
/// fn both(sequence: &SharedCell<u32>, value: &SharedCell<[u64; 2]>) -> [u64; 2] {
///     consistent(sequence, value)
/// }
/// ```
#[repr(transparent)]
pub struct ReadCell<T: Plain>(UnsafeCell<T>);

/// A value in shared memory that you can read and write, and that programs or other threads may
/// change at any time.
///
/// A `SharedCell` writes a value in aligned words, in the same way as a [`ReadCell`] reads a value.
/// For a counter that programs also change (with `__sync_fetch_and_add`), use
/// [`as_atomic`](Self::as_atomic), which is available for integers.
#[repr(transparent)]
pub struct SharedCell<T: Plain>(ReadCell<T>);

// SAFETY: all accesses are atomic, and plain data may be read in any thread.
unsafe impl<T: Plain> Sync for ReadCell<T> {}
// SAFETY: as above.
unsafe impl<T: Plain> Send for ReadCell<T> {}

impl<T: Plain> ReadCell<T> {
    /// Returns a copy of the current value.
    #[inline]
    #[must_use]
    pub fn load(&self) -> T {
        let mut value = MaybeUninit::<T>::uninit();
        let (from, to) = (self.0.get().cast::<u8>(), value.as_mut_ptr().cast::<u8>());
        for piece in pieces(from, size_of::<T>()) {
            // SAFETY: the piece is within the value and aligned to its size, and `to` has the same size.
            unsafe {
                let at = piece.at;
                match piece.size {
                    8 => to.add(at).cast::<u64>().write_unaligned(word(from.add(at))),
                    4 => to.add(at).cast::<u32>().write_unaligned(half(from.add(at))),
                    2 => to.add(at).cast::<u16>().write_unaligned(quarter(from.add(at))),
                    _ => to.add(at).write(byte(from.add(at))),
                }
            }
        }
        // SAFETY: the pieces cover the whole value, and any bytes are a value.
        unsafe { value.assume_init() }
    }
}

impl<T: Plain> SharedCell<T> {
    /// Writes the value.
    #[inline]
    pub fn store(&self, value: T) {
        let (from, to) = (core::ptr::from_ref(&value).cast::<u8>(), self.0.0.get().cast::<u8>());
        for piece in pieces(to, size_of::<T>()) {
            // SAFETY: as for `load`, in the other direction.
            unsafe {
                let at = piece.at;
                match piece.size {
                    8 => AtomicU64::from_ptr(to.add(at).cast())
                        .store(from.add(at).cast::<u64>().read_unaligned(), Ordering::Relaxed),
                    4 => AtomicU32::from_ptr(to.add(at).cast())
                        .store(from.add(at).cast::<u32>().read_unaligned(), Ordering::Relaxed),
                    2 => AtomicU16::from_ptr(to.add(at).cast())
                        .store(from.add(at).cast::<u16>().read_unaligned(), Ordering::Relaxed),
                    _ => {
                        AtomicU8::from_ptr(to.add(at))
                            .store(from.add(at).read(), Ordering::Relaxed);
                    }
                }
            }
        }
    }
}

macro_rules! atomics {
    ($($integer:ty => $atomic:ty,)*) => { $(
        impl SharedCell<$integer> {
            /// Returns a reference to the value as an atomic integer, for operations such as
            /// additions and exchanges.
            #[inline]
            #[must_use]
            pub fn as_atomic(&self) -> &$atomic {
                // SAFETY: the size is the same, the address of a cell is aligned for it, and all accesses are atomic.
                unsafe { <$atomic>::from_ptr(self.0.0.get()) }
            }
        }
    )* };
}
atomics! {
    u8 => AtomicU8, u16 => AtomicU16, u32 => AtomicU32, u64 => AtomicU64,
    i8 => AtomicI8, i16 => AtomicI16, i32 => AtomicI32, i64 => AtomicI64,
}

impl<T: Plain> Deref for SharedCell<T> {
    type Target = ReadCell<T>;

    fn deref(&self) -> &ReadCell<T> {
        &self.0
    }
}

impl<T: Plain + fmt::Debug> fmt::Debug for ReadCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load().fmt(f)
    }
}

impl<T: Plain + fmt::Debug> fmt::Debug for SharedCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A part of a value that is read or written in one piece.
struct Piece {
    at: usize,
    size: usize,
}

/// Divides the `size` bytes at an address into aligned pieces that are as large as possible.
/// Returns the pieces in order.
#[inline]
fn pieces(address: *const u8, size: usize) -> impl Iterator<Item = Piece> {
    let mut at = 0;
    core::iter::from_fn(move || {
        let left = size - at;
        let aligned = |size: &usize| *size <= left && (address.addr() + at) % *size == 0;
        let size = [8, 4, 2, 1].into_iter().find(aligned)?;
        let piece = Piece { at, size };
        at += size;
        Some(piece)
    })
}

macro_rules! reads {
    ($($name:ident: $integer:ty, $atomic:ty;)*) => { $(
        /// # Safety
        /// The address must be aligned for the integer and valid for reading it.
        #[inline]
        unsafe fn $name(from: *mut u8) -> $integer {
            // SAFETY: the caller promises this.
            unsafe { <$atomic>::from_ptr(from.cast()) }.load(Ordering::Relaxed)
        }
    )* };
}
reads! {
    word: u64, AtomicU64;
    half: u32, AtomicU32;
    quarter: u16, AtomicU16;
    byte: u8, AtomicU8;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell<T: Plain>(memory: &mut [u64], offset: usize) -> &SharedCell<T> {
        assert!(offset + size_of::<T>() <= size_of_val(memory));
        // SAFETY: the address is within the memory, which the result borrows.
        unsafe { &*memory.as_mut_ptr().cast::<u8>().add(offset).cast::<SharedCell<T>>() }
    }

    #[test]
    fn a_stored_value_is_loaded_for_each_size_and_alignment() {
        let mut memory = [0_u64; 8];
        let bytes: [u8; 23] = core::array::from_fn(|index| u8::try_from(index).unwrap() + 1);
        for offset in 0..8 {
            let cell = cell::<[u8; 23]>(&mut memory, offset);
            cell.store(bytes);
            assert_eq!(cell.load(), bytes, "at {offset}");
        }
    }

    #[test]
    fn a_store_does_not_change_neighbouring_bytes() {
        let mut memory = [u64::MAX; 3];
        cell::<[u8; 5]>(&mut memory, 9).store([0; 5]);
        assert_eq!(memory, [u64::MAX, 0xffff_0000_0000_00ff, u64::MAX]);
    }

    #[test]
    fn words_are_read_in_one_piece() {
        let sizes = |offset: usize, size| {
            let memory = [0_u64; 4];
            let start = memory.as_ptr().cast::<u8>().wrapping_add(offset);
            pieces(start, size).map(|piece| piece.size).collect::<Vec<_>>()
        };
        assert_eq!(sizes(0, 8), [8]);
        assert_eq!(sizes(0, 15), [8, 4, 2, 1]);
        assert_eq!(sizes(4, 12), [4, 8]);
        assert_eq!(sizes(1, 8), [1, 2, 4, 1]);
        assert!(sizes(3, 0).is_empty());
    }

    #[test]
    fn an_integer_is_an_atomic() {
        let mut memory = [40_u64];
        let cell = cell::<u64>(&mut memory, 0);
        cell.as_atomic().fetch_add(2, Ordering::Relaxed);
        assert_eq!(cell.load(), 42);
    }
}
