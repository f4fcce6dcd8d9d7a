//! The content of one map entry, and how the system call transfers it.

use crate::plain::Plain;
use crate::user_space::error::Result;
use core::mem::MaybeUninit;
use std::borrow::Cow;

/// The content of an entry: one value (`V`), or one for each CPU ([`PerCpu<V>`](crate::PerCpu)).
///
/// # Safety
///
/// The kernel reads and writes [`Held::size`] bytes at the addresses that these methods return.
/// This many bytes must be accessible there, and also writable in a [`Held::Slot`]. Every bit
/// pattern must be a valid value.
#[allow(
    unreachable_pub,
    reason = "a public trait has it as a bound; Rust 1.85 only checks the path"
)]
pub unsafe trait Held: Sized {
    /// One value.
    type One: Plain;
    /// Whether an entry has one value for each CPU.
    const PER_CPU: bool;
    /// Memory for one entry that has not been written yet.
    #[doc(hidden)]
    type Slot;

    /// Returns memory for one entry.
    #[doc(hidden)]
    fn slot() -> Result<Self::Slot>;
    /// Returns the address to which the kernel writes.
    #[doc(hidden)]
    fn slot_address(slot: &mut Self::Slot) -> *mut u8;
    /// Returns the entry that the kernel wrote.
    ///
    /// # Safety
    /// All [`Held::size`] bytes at [`Held::slot_address`] have been written.
    #[doc(hidden)]
    unsafe fn from_slot(slot: Self::Slot) -> Self;

    /// Allocates an entry of zeros on the heap, without using the stack.
    #[doc(hidden)]
    fn boxed() -> Result<Box<Self>>;
    /// Returns the address from which the kernel reads.
    #[doc(hidden)]
    fn address(&self) -> *const u8;
    /// Returns the address at which the kernel overwrites this entry.
    #[doc(hidden)]
    fn address_mut(&mut self) -> *mut u8;
    /// Returns the number of bytes that the kernel copies for an entry.
    #[doc(hidden)]
    fn size() -> Result<usize>;
    /// Reads the entry at an address, which need not be aligned.
    ///
    /// # Safety
    /// [`Held::size`] bytes can be read there.
    #[doc(hidden)]
    unsafe fn read(from: *const u8) -> Result<Self>;
    /// Returns the bytes of consecutive entries.
    #[doc(hidden)]
    fn as_batch(entries: &[Self]) -> Cow<'_, [u8]>;
}

// SAFETY: the kernel copies the size of the value, which opening or creating a map compared with the type's size. Plain
// data accepts any bytes.
unsafe impl<V: Plain> Held for V {
    type One = V;
    const PER_CPU: bool = false;
    type Slot = MaybeUninit<V>;

    #[inline]
    fn slot() -> Result<Self::Slot> {
        Ok(MaybeUninit::uninit())
    }

    #[inline]
    fn slot_address(slot: &mut Self::Slot) -> *mut u8 {
        slot.as_mut_ptr().cast()
    }

    #[inline]
    unsafe fn from_slot(slot: Self::Slot) -> Self {
        // SAFETY: the caller promises that all bytes have been written, and any bytes are a valid
        // `V`.
        unsafe { slot.assume_init() }
    }

    fn boxed() -> Result<Box<Self>> {
        Ok(crate::zeroed_box())
    }

    #[inline]
    fn address(&self) -> *const u8 {
        core::ptr::from_ref(self).cast()
    }

    #[inline]
    fn address_mut(&mut self) -> *mut u8 {
        core::ptr::from_mut(self).cast()
    }

    #[inline]
    fn size() -> Result<usize> {
        Ok(size_of::<V>())
    }

    #[inline]
    unsafe fn read(from: *const u8) -> Result<Self> {
        // SAFETY: the caller promises as many readable bytes as a `V` has, and any bytes are a
        // valid `V`.
        Ok(unsafe { from.cast::<V>().read_unaligned() })
    }

    #[inline]
    fn as_batch(entries: &[Self]) -> Cow<'_, [u8]> {
        // SAFETY: plain data has no padding, so every byte of the slice is initialised. The result borrows the slice.
        let bytes = unsafe {
            core::slice::from_raw_parts(entries.as_ptr().cast::<u8>(), size_of_val(entries))
        };
        Cow::Borrowed(bytes)
    }
}
