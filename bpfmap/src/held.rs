//! What one entry of a map holds, and how it crosses the system call.

use crate::error::Result;
use crate::plain::Plain;
use core::mem::MaybeUninit;
use std::borrow::Cow;

/// One value (`V`), or one for each CPU ([`PerCpu<V>`](crate::PerCpu)).
///
/// # Safety
///
/// The kernel reads and writes [`Held::size`] bytes at the addresses given here: they must be that many, and writable
/// in a [`Held::Slot`]. Any bytes are a valid value.
#[allow(
    unreachable_pub,
    reason = "a public trait has it as a bound; Rust 1.85 looks at the path alone"
)]
pub unsafe trait Held: Sized {
    /// One value.
    type One: Plain;
    /// There is one for each CPU.
    const PER_CPU: bool;
    /// Memory for one entry, not yet written.
    #[doc(hidden)]
    type Slot;

    /// Memory for one entry.
    #[doc(hidden)]
    fn slot() -> Result<Self::Slot>;
    /// Where the kernel writes.
    #[doc(hidden)]
    fn slot_address(slot: &mut Self::Slot) -> *mut u8;
    /// The entry that the kernel wrote.
    ///
    /// # Safety
    /// All [`Held::size`] bytes at [`Held::slot_address`] have been written.
    #[doc(hidden)]
    unsafe fn from_slot(slot: Self::Slot) -> Self;

    /// An entry of zeros in memory of its own, which never was on the stack.
    #[doc(hidden)]
    fn boxed() -> Result<Box<Self>>;
    /// Where the kernel reads.
    #[doc(hidden)]
    fn address(&self) -> *const u8;
    /// Where the kernel writes over this entry.
    #[doc(hidden)]
    fn address_mut(&mut self) -> *mut u8;
    /// Bytes of an entry as the kernel copies it.
    #[doc(hidden)]
    fn size() -> Result<usize>;
    /// The entry whose bytes stand at an address, aligned or not.
    ///
    /// # Safety
    /// [`Held::size`] bytes can be read there.
    #[doc(hidden)]
    unsafe fn read(from: *const u8) -> Result<Self>;
    /// The bytes of many entries, one behind the other.
    #[doc(hidden)]
    fn as_batch(entries: &[Self]) -> Cow<'_, [u8]>;
}

// SAFETY: the kernel copies the size of the value, which opening or creating a map compared with the type's; plain data
// takes any bytes.
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
        // SAFETY: the caller promises that all bytes have been written, and any bytes are a `V`.
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
        // SAFETY: the caller promises as many readable bytes as a `V` has, and any bytes are one.
        Ok(unsafe { from.cast::<V>().read_unaligned() })
    }

    #[inline]
    fn as_batch(entries: &[Self]) -> Cow<'_, [u8]> {
        // SAFETY: plain data has no padding, so every byte of the slice is initialised; borrowed for as long.
        let bytes = unsafe {
            core::slice::from_raw_parts(entries.as_ptr().cast::<u8>(), size_of_val(entries))
        };
        Cow::Borrowed(bytes)
    }
}
