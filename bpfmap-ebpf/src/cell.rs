//! Values in maps, which other programs and user space change at any time.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

use bpfmap::Plain;

/// The value of an entry, which other CPUs, other programs and user space may change at any time.
///
/// An integer of up to 8 bytes is read and written in one piece. A larger value is copied in words of its alignment, and
/// these can come from different changes. To prevent this, use a spin lock, or a map with a value for each CPU.
///
/// [`field!`](crate::field) selects a member, so that only its bytes are copied.
///
/// ```ignore
/// if let Some(traffic) = FLOWS.lookup(&flow) {
///     field!(traffic.packets).add(1);
///     if field!(traffic.bytes).load() > LIMIT {
///         return XDP_DROP;
///     }
/// }
/// ```
#[repr(transparent)]
pub struct SharedCell<T: Plain>(UnsafeCell<T>);

// SAFETY: all accesses are volatile copies of words, and plain data has no address that safe code follows.
unsafe impl<T: Plain> Sync for SharedCell<T> {}
// SAFETY: as above.
unsafe impl<T: Plain> Send for SharedCell<T> {}

impl<T: Plain> SharedCell<T> {
    /// Returns a copy of the current value.
    #[inline(always)]
    #[must_use]
    pub fn load(&self) -> T {
        let mut value = MaybeUninit::<T>::uninit();
        let (from, to) = (self.0.get().cast_const(), value.as_mut_ptr());
        // SAFETY: both addresses have the size and the alignment of `T`. The words cover the whole value, and any bytes
        // are a value of a plain type. The memory of a map is not Rust's, so reading what others write at the same time
        // is defined for volatile accesses.
        unsafe {
            match align_of::<T>() {
                1 => read::<u8, T>(from, to),
                2 => read::<u16, T>(from, to),
                4 => read::<u32, T>(from, to),
                _ => read::<u64, T>(from, to),
            }
            value.assume_init()
        }
    }

    /// Writes the value.
    #[inline(always)]
    pub fn store(&self, value: T) {
        let (from, to) = (&raw const value, self.0.get());
        // SAFETY: as for `load`, in the other direction.
        unsafe {
            match align_of::<T>() {
                1 => write::<u8, T>(from, to),
                2 => write::<u16, T>(from, to),
                4 => write::<u32, T>(from, to),
                _ => write::<u64, T>(from, to),
            }
        }
    }

    /// Changes a copy of the value, and writes it back.
    ///
    /// A change by others in between is lost. Use it for the value of this CPU, or [`add`](Self::add) for counters that
    /// several CPUs share.
    #[inline(always)]
    pub fn modify(&self, change: impl FnOnce(&mut T)) {
        let mut value = self.load();
        change(&mut value);
        self.store(value);
    }

    /// Returns the address of the value, for a helper function that takes one.
    ///
    /// Others may read and write there at any time.
    #[inline(always)]
    #[must_use]
    pub const fn as_ptr(&self) -> *mut T {
        self.0.get()
    }
}

macro_rules! add {
    ($($integer:ty => $atomic:ty, $instruction:literal, $register:ty;)*) => { $(
        impl SharedCell<$integer> {
            /// Adds to the value in one step, so that no addition by others is lost (`__sync_fetch_and_add` in C). The
            /// value wraps around on overflow.
            #[inline(always)]
            pub fn add(&self, number: $integer) {
                // The target has no atomic additions in Rust's library, although the instruction exists.
                #[cfg(target_arch = "bpf")]
                // SAFETY: the address is that of an aligned integer of this size, which the instruction changes.
                unsafe {
                    core::arch::asm!(
                        $instruction,
                        address = in(reg) self.0.get(),
                        number = in(reg) <$register>::from(number),
                        options(nostack),
                    );
                }
                #[cfg(not(target_arch = "bpf"))]
                // SAFETY: the address is that of an aligned integer, and all accesses are volatile or atomic.
                unsafe { <$atomic>::from_ptr(self.0.get()) }
                    .fetch_add(number, core::sync::atomic::Ordering::Relaxed);
            }
        }
    )* };
}
add! {
    u32 => core::sync::atomic::AtomicU32, "lock *(u32 *)({address} + 0) += {number}", u64;
    i32 => core::sync::atomic::AtomicI32, "lock *(u32 *)({address} + 0) += {number}", i64;
    u64 => core::sync::atomic::AtomicU64, "lock *(u64 *)({address} + 0) += {number}", u64;
    i64 => core::sync::atomic::AtomicI64, "lock *(u64 *)({address} + 0) += {number}", i64;
}

/// Returns the cell of a member of a struct or union: `field!(traffic.packets)` of a `&SharedCell<Traffic>`.
///
/// A member of a packed struct can't be selected if its alignment is larger than that of the struct.
#[macro_export]
macro_rules! field {
    ($cell:ident . $($field:tt).+) => {
        // SAFETY: the closure only computes the address of a member, which `project` compares with the value's.
        $crate::__private::project($cell, |value| unsafe { &raw mut (*value).$($field).+ })
    };
}

/// Returns the cell at the address that `member` computes.
///
/// # Panics
///
/// Panics if the address is not within the value. [`field!`](crate::field) makes no such address of a plain struct, and
/// the compiler removes the comparison.
#[inline(always)]
pub fn project<T: Plain, M: Plain>(
    cell: &SharedCell<T>,
    member: impl FnOnce(*mut T) -> *mut M,
) -> &SharedCell<M> {
    const {
        assert!(
            align_of::<M>() <= align_of::<T>(),
            "the member of a packed struct may have an address that is not aligned: load the whole value"
        );
    }
    let value = cell.0.get();
    let member = member(value);
    let offset = member.addr().wrapping_sub(value.addr());
    assert!(offset <= size_of::<T>() && size_of::<M>() <= size_of::<T>() - offset);
    // SAFETY: the member is within the value. It is aligned, because a value is and the compiler aligns its members,
    // except those of packed structs, which the constant above refuses. A cell has the layout of its type.
    unsafe { &*member.cast::<SharedCell<M>>() }
}

/// # Safety
///
/// `T` can be read at `from` and written at `to`, and the alignment of both addresses and the size of `T` are multiples
/// of the size of `W`.
#[inline(always)]
unsafe fn read<W, T>(from: *const T, to: *mut T) {
    let mut index = 0;
    while index < size_of::<T>() / size_of::<W>() {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<W>().add(index).write(from.cast::<W>().add(index).read_volatile()) };
        index += 1;
    }
}

/// # Safety
///
/// As for [`read`].
#[inline(always)]
unsafe fn write<W, T>(from: *const T, to: *mut T) {
    let mut index = 0;
    while index < size_of::<T>() / size_of::<W>() {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<W>().add(index).write_volatile(from.cast::<W>().add(index).read()) };
        index += 1;
    }
}
