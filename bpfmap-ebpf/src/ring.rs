//! Sends records to user space through a ring buffer.

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use aya_ebpf_bindings::helpers::{
    bpf_ringbuf_discard, bpf_ringbuf_output, bpf_ringbuf_reserve, bpf_ringbuf_submit,
};
use bpfmap::EventSpec;
use bpfmap_core::Errno;

use crate::kind::WriteRecords;
use crate::map::{Map, done};

impl<S: EventSpec> Map<S> {
    /// Reserves space for a record, or returns `None` if the buffer is full.
    #[inline(always)]
    #[must_use]
    pub fn reserve(&self) -> Option<Reservation<S::Event>>
    where
        S::Kind: WriteRecords,
    {
        // The derive also checks the alignment.
        const { assert!(align_of::<S::Event>() <= 8, "the kernel aligns records to 8 bytes") };
        // SAFETY: the address refers to a ring buffer.
        let space = unsafe { bpf_ringbuf_reserve(self.as_ptr(), size_of::<S::Event>() as u64, 0) };
        NonNull::new(space.cast()).map(|space| Reservation { space })
    }

    /// Sends a copy of a record.
    ///
    /// # Errors
    ///
    /// Fails with `EAGAIN` if the buffer is full.
    #[inline(always)]
    pub fn output(&self, event: &S::Event) -> Result<(), Errno>
    where
        S::Kind: WriteRecords,
    {
        let data = core::ptr::from_ref(event).cast_mut().cast();
        // SAFETY: the helper reads the record, although it takes a pointer for writing.
        done(unsafe { bpf_ringbuf_output(self.as_ptr(), data, size_of::<S::Event>() as u64, 0) })
    }
}

/// Reserved space for a record. Only this program writes to the space. Dropping this value releases
/// the space (`bpf_ringbuf_discard`).
#[must_use = "the reader of the ring waits until the record is submitted"]
pub struct Reservation<T> {
    space: NonNull<MaybeUninit<T>>,
}

impl<T: bpfmap::Plain> Reservation<T> {
    /// Writes the record.
    #[inline(always)]
    pub fn write(self, event: T) -> Record<T> {
        // SAFETY: the space belongs to this reservation, and has the size and alignment of `T`.
        unsafe { self.space.as_ptr().write(MaybeUninit::new(event)) };
        self.written()
    }

    /// Fills the record with zeros. You can then set the members one by one.
    #[inline(always)]
    pub fn zeroed(self) -> Record<T> {
        // SAFETY: the conditions are the same as in `write`.
        unsafe { self.space.as_ptr().write(MaybeUninit::zeroed()) };
        self.written()
    }

    /// Writes and submits the record.
    #[inline(always)]
    pub fn submit(self, event: T) {
        self.write(event).submit();
    }

    #[inline(always)]
    fn written(self) -> Record<T> {
        let space = self.space.cast();
        core::mem::forget(self);
        Record { space, owned: PhantomData }
    }
}

impl<T> Drop for Reservation<T> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: the space is reserved, and nothing uses it after this.
        unsafe { bpf_ringbuf_discard(self.space.as_ptr().cast(), 0) };
    }
}

/// A record that has been written but not yet sent. Dropping this value releases the space
/// (`bpf_ringbuf_discard`).
///
/// User space maps the ring and can read the bytes before the record is submitted, but can't change them.
#[must_use = "the reader of the ring waits until the record is submitted"]
pub struct Record<T> {
    space: NonNull<T>,
    owned: PhantomData<T>,
}

impl<T> Record<T> {
    /// Sends the record.
    #[inline(always)]
    pub fn submit(self) {
        let space = self.space;
        core::mem::forget(self);
        // SAFETY: the space is reserved and written, and nothing uses it after this.
        unsafe { bpf_ringbuf_submit(space.as_ptr().cast(), 0) };
    }
}

impl<T> Deref for Record<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the record is written, and no other code changes it before it is submitted.
        unsafe { self.space.as_ref() }
    }
}

impl<T> DerefMut for Record<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the conditions are the same as in `deref`.
        unsafe { self.space.as_mut() }
    }
}

impl<T> Drop for Record<T> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: the space is reserved, and nothing uses it after this.
        unsafe { bpf_ringbuf_discard(self.space.as_ptr().cast(), 0) };
    }
}
