//! The handle of a map, and the operations on its entries.

use core::ffi::c_void;
use core::marker::PhantomData;
use core::mem::MaybeUninit;

use aya_ebpf_bindings::helpers::{
    bpf_map_delete_elem, bpf_map_lookup_elem, bpf_map_lookup_percpu_elem, bpf_map_peek_elem,
    bpf_map_pop_elem, bpf_map_push_elem, bpf_map_update_elem,
};
use bpfmap::__private::InObject;
use bpfmap::MapSpec;
use bpfmap_core::map_type::Helper;
use bpfmap_core::{Errno, UpdateMode};

use crate::cell::SharedCell;
use crate::kind::{
    self, DeleteElement, Filter, LookupElement, Pop, Push, SelectCpu, UpdateElement,
};

/// A handle to a map of the object file, or to an inner map of a map of maps.
///
/// The handle contains only the address of the map. For a map of the object file, the loader sets
/// the address, so the handle can be a constant:
///
/// ```ignore
/// const FLOWS: Map<Flows> = Map::new();
/// ```
pub struct Map<S: MapSpec> {
    address: *mut c_void,
    spec: PhantomData<fn() -> S>,
}

impl<S: MapSpec> Clone for Map<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: MapSpec> Copy for Map<S> {}

impl<S: InObject> Map<S> {
    /// Returns the handle to the map that the object file defines.
    #[inline(always)]
    #[must_use]
    pub const fn new() -> Self {
        Self { address: S::ADDRESS, spec: PhantomData }
    }
}

impl<S: InObject> Default for Map<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: MapSpec> Map<S> {
    /// Returns the map at an address that the kernel has returned.
    #[inline(always)]
    pub(crate) const fn at(address: *mut c_void) -> Self {
        Self { address, spec: PhantomData }
    }

    /// Returns the address of the map. You can pass this address to a helper function.
    #[inline(always)]
    #[must_use]
    pub const fn as_ptr(&self) -> *mut c_void {
        self.address
    }

    /// Returns the value of a key, or `None` if the key is absent. In a per-CPU map, this is the value of this CPU.
    ///
    /// In an `lru_hash`, the lookup marks the entry as recently used.
    #[inline(always)]
    #[must_use]
    pub fn lookup(&self, key: &S::Key) -> Option<&'static SharedCell<S::Value>>
    where
        S::Kind: LookupElement,
    {
        // SAFETY: the address refers to a map, and the key has the size of this map's keys.
        let value = unsafe { bpf_map_lookup_elem(self.address, pointer(key)) };
        // SAFETY: the helper has returned the value of an entry, or NULL.
        unsafe { cell::<S>(value) }
    }

    /// Returns the value of a key on another CPU, or `None` if the key is absent or there is no such CPU (Linux 5.19).
    #[inline(always)]
    #[must_use]
    pub fn lookup_on(&self, key: &S::Key, cpu: u32) -> Option<&'static SharedCell<S::Value>>
    where
        S::Kind: SelectCpu,
    {
        const { kind::needs::<S>("lookup_on", Helper::MapLookupPercpuElem) };
        // SAFETY: the conditions are the same as in `lookup`.
        let value = unsafe { bpf_map_lookup_percpu_elem(self.address, pointer(key), cpu) };
        // SAFETY: the conditions are the same as in `lookup`.
        unsafe { cell::<S>(value) }
    }

    /// Writes the value of a key. In a per-CPU map, this is the value of this CPU.
    ///
    /// # Errors
    ///
    /// Fails with `E2BIG` if the map is full (`ENOSPC` for an `lpm_trie`) or the index is out of
    /// range. Fails with `EEXIST` or `ENOENT` if the mode does not allow the update, and with
    /// `ENOMEM` if there is not enough memory. Fails with `EBUSY` if this program has interrupted
    /// another program that is changing the map.
    #[inline(always)]
    pub fn update(&self, key: &S::Key, value: &S::Value, mode: UpdateMode) -> Result<(), Errno>
    where
        S::Kind: UpdateElement,
    {
        // SAFETY: the address refers to a map, and key and value have the sizes of this map's keys
        // and values.
        done(unsafe {
            bpf_map_update_elem(self.address, pointer(key), pointer(value), mode as u64)
        })
    }

    /// Deletes the entry of a key. Returns whether the key was present.
    ///
    /// # Errors
    ///
    /// Fails with `EBUSY` if this program has interrupted another program that is changing the map.
    #[inline(always)]
    pub fn delete(&self, key: &S::Key) -> Result<bool, Errno>
    where
        S::Kind: DeleteElement,
    {
        const { kind::needs::<S>("delete", Helper::MapDeleteElem) };
        // SAFETY: the conditions are the same as in `lookup`.
        present(unsafe { bpf_map_delete_elem(self.address, pointer(key)) }, Errno::ENOENT)
    }

    /// Appends a value.
    ///
    /// # Errors
    ///
    /// Fails with `E2BIG` if the map is full and the mode is not [`Exist`](UpdateMode::Exist), and with `EINVAL` if the
    /// mode is [`NoExist`](UpdateMode::NoExist).
    #[inline(always)]
    pub fn push(&self, value: &S::Value, mode: UpdateMode) -> Result<(), Errno>
    where
        S::Kind: Push,
    {
        // SAFETY: the address refers to a map, and the value has the size of this map's values.
        done(unsafe { bpf_map_push_elem(self.address, pointer(value), mode as u64) })
    }

    /// Removes and returns the next value. Returns `None` if the map is empty.
    #[inline(always)]
    #[must_use]
    pub fn pop(&self) -> Option<S::Value>
    where
        S::Kind: Pop,
    {
        let mut value = MaybeUninit::<S::Value>::uninit();
        // SAFETY: the helper writes a value of this size. If the map is empty, it writes zeros. If
        // it fails for another reason, it writes nothing.
        let result = unsafe { bpf_map_pop_elem(self.address, value.as_mut_ptr().cast()) };
        // SAFETY: the helper has succeeded, and any bytes are a value.
        (result == 0).then(|| unsafe { value.assume_init() })
    }

    /// Returns the next value without removing it, or `None` if the map is empty.
    #[inline(always)]
    #[must_use]
    pub fn peek(&self) -> Option<S::Value>
    where
        S::Kind: Pop,
    {
        let mut value = MaybeUninit::<S::Value>::uninit();
        // SAFETY: the conditions are the same as in `pop`.
        let result = unsafe { bpf_map_peek_elem(self.address, value.as_mut_ptr().cast()) };
        // SAFETY: the conditions are the same as in `pop`.
        (result == 0).then(|| unsafe { value.assume_init() })
    }

    /// Adds a value to a Bloom filter.
    ///
    /// # Errors
    ///
    /// Never fails in practice, because the kernel accepts every value.
    #[inline(always)]
    pub fn add(&self, value: &S::Value) -> Result<(), Errno>
    where
        S::Kind: Filter,
    {
        // SAFETY: the conditions are the same as in `push`.
        done(unsafe { bpf_map_push_elem(self.address, pointer(value), 0) })
    }

    /// Returns whether a value may have been added to a Bloom filter. `false` is certain.
    #[inline(always)]
    #[must_use]
    pub fn may_contain(&self, value: &S::Value) -> bool
    where
        S::Kind: Filter,
    {
        // SAFETY: the helper reads the value, although it takes a pointer for writing.
        unsafe { bpf_map_peek_elem(self.address, pointer(value).cast_mut()) == 0 }
    }
}

pub(crate) fn pointer<T>(value: &T) -> *const c_void {
    core::ptr::from_ref(value).cast()
}

/// # Safety
///
/// `value` is NULL or points to the value of an entry. The pointer is valid until the program
/// returns.
#[inline(always)]
pub(crate) unsafe fn cell<S: MapSpec>(value: *mut c_void) -> Option<&'static SharedCell<S::Value>> {
    const {
        assert!(
            align_of::<S::Value>() <= 8,
            "the kernel aligns values to 8 bytes: use a smaller alignment"
        );
    }
    // SAFETY: the caller guarantees that the pointer is valid. The kernel aligns values to 8 bytes,
    // and any bytes are a value.
    unsafe { value.cast::<SharedCell<S::Value>>().as_ref() }
}

/// Converts the result of a helper function.
#[inline(always)]
pub(crate) fn done(result: i64) -> Result<(), Errno> {
    if result == 0 { Ok(()) } else { Err(errno(result)) }
}

/// Converts the result of a helper function that fails with `absent` if there is no such entry.
#[inline(always)]
pub(crate) fn present(result: i64, absent: Errno) -> Result<bool, Errno> {
    match done(result) {
        Ok(()) => Ok(true),
        Err(errno) if errno == absent => Ok(false),
        Err(errno) => Err(errno),
    }
}

#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "an errno is below 4096")]
pub(crate) fn errno(result: i64) -> Errno {
    Errno(-result as i32)
}
