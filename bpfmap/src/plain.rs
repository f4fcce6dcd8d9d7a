//! Plain data, which system calls can transfer as bytes.

use core::mem::MaybeUninit;

use crate::prover::Prover;

/// A type of plain data. A plain type can be the type of a map's key or value, because any sequence
/// of bytes is a valid value of the type.
///
/// Implement this trait with one of three macros. [`plain!`](crate::plain!) implements only this
/// trait. Use it for a type that derives all other traits. [`plain_struct!`](crate::plain_struct!)
/// and [`plain_enum!`](crate::plain_enum!) also implement other usual traits. With all three
/// macros, the compiler checks the promises of this trait.
///
/// # Safety
///
/// Every bit pattern of the type's size must be a valid value. No byte of a value may be padding.
/// Safe code must not be able to dereference an address in a value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not proven to be plain data",
    label = "can't be passed to the bpf system call",
    note = "in keys, values and their members, every bit pattern must be valid and there must be no padding: put `#[derive(Clone, Copy, bpfmap::BpfType)]` and `#[repr(C)]` on the type (feature `derive`), or call `bpfmap::plain!` on it; use `bpfmap::Bool` for `bool`, `bpfmap::CharArray<N>` for text, `bpfmap::KernelPtr` for a pointer, `[u8; N]` for opaque bytes"
)]
pub unsafe trait Plain: Copy + 'static {
    /// The prover that macros use. Macros access this constant through the trait, so that a wrong
    /// path to the crate can't replace the prover.
    #[doc(hidden)]
    const PROVER: Prover = Prover::new();
}

macro_rules! plain_integers {
    ($($integer:ty)*) => { $(
        // SAFETY: an integer has no padding and no invalid bit pattern.
        unsafe impl Plain for $integer {}
    )* };
}
plain_integers!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128);

// SAFETY: the type has no bytes.
unsafe impl Plain for () {}

// SAFETY: an array's elements follow each other without a gap.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

/// Returns the value whose bytes are all zero. Use this function to initialise padding, which must
/// be zero. The kernel initialises new array elements with the same value.
///
/// ```
/// let header: [u32; 4] = bpfmap::zeroed();
/// assert_eq!(header, [0; 4]);
/// ```
#[inline]
#[must_use]
pub const fn zeroed<T: Plain>() -> T {
    // SAFETY: every bit pattern of a `Plain` type is valid, including zero.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

/// Allocates a value whose bytes are all zero on the heap, without using the stack. Use this
/// function for large values that you pass to [`Map::update`](crate::Map::update) or
/// [`Map::lookup_into`](crate::Map::lookup_into).
///
/// ```
/// // The stack of a thread has 2 MiB.
/// let thread = std::thread::spawn(|| {
///     let mut image = bpfmap::zeroed_box::<[u8; 3_000_000]>();
///     image[2_999_999] = 1;
///     image
/// });
/// assert_eq!(thread.join().unwrap()[0], 0);
/// ```
#[cfg(not(target_arch = "bpf"))]
#[must_use]
pub fn zeroed_box<T: Plain>() -> Box<T> {
    use core::alloc::Layout;
    use core::ptr::NonNull;
    use std::alloc::{alloc_zeroed, handle_alloc_error};

    let layout = Layout::new::<T>();
    if layout.size() == 0 {
        // `Box::new` would make this function reserve the size of every `T` on the stack in builds without optimisation.
        // SAFETY: a box of size zero has no memory, only an aligned address.
        return unsafe { Box::from_raw(NonNull::dangling().as_ptr()) };
    }
    // SAFETY: the size of the layout is not zero.
    let memory = unsafe { alloc_zeroed(layout) }.cast::<T>();
    if memory.is_null() {
        handle_alloc_error(layout);
    }
    // SAFETY: the memory comes from the global allocator, has the layout of `T`, and is zero, which is valid for every
    // `Plain` type.
    unsafe { Box::from_raw(memory) }
}

/// Returns the bytes of a value, as the kernel sees them.
///
/// ```
/// use bpfmap::Be16;
///
/// let ports = [Be16::new(80), Be16::new(443)];
/// assert_eq!(bpfmap::bytes_of(&ports), [0, 80, 1, 187]);
///
/// let copy: Option<[Be16; 2]> = bpfmap::from_bytes(&[0, 80, 1, 187]);
/// assert_eq!(copy, Some(ports));
/// assert_eq!(bpfmap::from_bytes::<u32>(&[1, 2, 3]), None, "a `u32` has 4 bytes");
/// ```
#[inline]
#[must_use]
pub const fn bytes_of<T: Plain>(value: &T) -> &[u8] {
    // SAFETY: `Plain` has no padding, so every byte is initialised. The lifetime is that of the
    // value.
    unsafe { core::slice::from_raw_parts(core::ptr::from_ref(value).cast(), size_of::<T>()) }
}

/// Returns the value that consists of these bytes, or `None` if the number of bytes is not the size
/// of the type.
#[inline]
#[must_use]
pub fn from_bytes<T: Plain>(bytes: &[u8]) -> Option<T> {
    // SAFETY: the length was checked, and every bit pattern of a `Plain` type is valid.
    (bytes.len() == size_of::<T>()).then(|| unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}
