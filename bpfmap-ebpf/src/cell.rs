//! Access to map values that other programs and user space can change at any time.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

use bpfmap::Plain;

/// The value of an entry. Other CPUs, other programs and user space can change this value at any
/// time.
///
/// An integer of up to 8 bytes is read and written in one piece. A larger value is copied word by
/// word, and the words of one copy can come from different changes. To prevent this, use a [spin
/// lock](Self::lock), or a map with a value for each CPU.
///
/// [`field!`](crate::field) selects a member, so that only the bytes of this member are copied.
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

// SAFETY: all accesses are volatile copies of words, and safe code can't dereference an address in
// plain data.
unsafe impl<T: Plain> Sync for SharedCell<T> {}
// SAFETY: the reasons are the same as for `Sync`.
unsafe impl<T: Plain> Send for SharedCell<T> {}

impl<T: Plain> SharedCell<T> {
    /// Returns a copy of the current value.
    #[inline(always)]
    #[must_use]
    pub fn load(&self) -> T {
        let mut value = MaybeUninit::<T>::uninit();
        let (from, to) = (self.0.get().cast_const(), value.as_mut_ptr());
        // SAFETY: both addresses have the size and the alignment of `T`. The words cover the whole
        // value, and any bytes are a value of a plain type. The memory of a map does not belong to
        // Rust. Volatile reads are therefore defined even if other code writes to the memory at the
        // same time.
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
        // SAFETY: the conditions are the same as in `load`, in the other direction.
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
    /// If the value changes between the read and the write, that change is lost. Use this method
    /// only if no other CPU changes the value, as in a per-CPU map. For counters that several CPUs
    /// share, use [`add`](Self::add).
    #[inline(always)]
    pub fn modify(&self, change: impl FnOnce(&mut T)) {
        let mut value = self.load();
        change(&mut value);
        self.store(value);
    }

    /// Returns the address of the value. You can pass this address to a helper function.
    ///
    /// Other CPUs, other programs and user space can read and write the value at any time.
    #[inline(always)]
    #[must_use]
    pub const fn as_ptr(&self) -> *mut T {
        self.0.get()
    }
}

macro_rules! add {
    ($($integer:ty => $atomic:ty, $instruction:literal, $register:ty;)*) => { $(
        impl SharedCell<$integer> {
            /// Adds a number to the value in one step, so that no concurrent addition is lost
            /// (`__sync_fetch_and_add` in C). The value wraps around on overflow.
            #[inline(always)]
            pub fn add(&self, number: $integer) {
                // Rust's library has no atomic additions for this target, although the instruction
                // exists.
                #[cfg(target_arch = "bpf")]
                // SAFETY: the address refers to an aligned integer of this size. The instruction
                // changes only this integer.
                unsafe {
                    core::arch::asm!(
                        $instruction,
                        address = in(reg) self.0.get(),
                        number = in(reg) <$register>::from(number),
                        options(nostack),
                    );
                }
                #[cfg(not(target_arch = "bpf"))]
                // SAFETY: the address refers to an aligned integer, and all accesses are volatile
                // or atomic.
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

/// Returns the cell of a member of a struct or union. For example, `traffic` in
/// `field!(traffic.packets)` is a `&SharedCell<Traffic>`.
///
/// The value can be a reference to a cell, or a [`Locked`](crate::Locked) value. A member of a packed
/// struct can't be selected if the member has a larger alignment than the struct.
#[macro_export]
macro_rules! field {
    ($cell:ident . $($field:tt).+) => {
        // SAFETY: the closure only computes the address of a member. `project` checks this address.
        $crate::__private::project(&*$cell, |value| unsafe { &raw mut (*value).$($field).+ })
    };
}

/// Returns the cell at the address that `member` computes.
///
/// # Panics
///
/// Panics if the address is not within the value. For a plain struct, [`field!`](crate::field)
/// never computes such an address, and the compiler removes the comparison.
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
    // SAFETY: the member is within the value. It is aligned, because the value is aligned and the
    // compiler aligns the members of a struct. Members of packed structs can be misaligned, but the
    // constant above refuses them. A cell has the same layout as the type in it.
    unsafe { &*member.cast::<SharedCell<M>>() }
}

/// # Safety
///
/// `from` must be valid for reading a `T`, and `to` must be valid for writing a `T`. The alignment
/// of both addresses and the size of `T` must be multiples of the size of `W`.
#[inline(always)]
unsafe fn read<W, T>(from: *const T, to: *mut T) {
    let mut index = 0;
    while index < size_of::<T>() / size_of::<W>() {
        // SAFETY: the caller guarantees these conditions.
        unsafe { to.cast::<W>().add(index).write(from.cast::<W>().add(index).read_volatile()) };
        index += 1;
    }
}

/// # Safety
///
/// The conditions are the same as for [`read`].
#[inline(always)]
unsafe fn write<W, T>(from: *const T, to: *mut T) {
    let mut index = 0;
    while index < size_of::<T>() / size_of::<W>() {
        // SAFETY: the caller guarantees these conditions.
        unsafe { to.cast::<W>().add(index).write_volatile(from.cast::<W>().add(index).read()) };
        index += 1;
    }
}
