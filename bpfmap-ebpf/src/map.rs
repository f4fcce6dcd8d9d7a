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
use bpfmap_core::Errno;
use bpfmap_core::map_type::Helper;

use crate::cell::SharedCell;
use crate::kind::{
    self, DeleteElement, Filter, LookupElement, Pop, Push, SelectCpu, UpdateElement,
};

/// A map: one that the object file defines, or the inner map of another.
///
/// It is only the map's address. The loader sets that of a map of the object file, so a constant is enough:
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
    /// Returns the map that the object file defines.
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

/// When to write an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u64)]
pub enum UpdateMode {
    /// Writes the entry in both cases (`BPF_ANY`).
    #[default]
    Any = 0,
    /// Writes only if the key is absent, and fails with `EEXIST` otherwise (`BPF_NOEXIST`).
    NoExist = 1,
    /// Writes only if the key is present, and fails with `ENOENT` otherwise (`BPF_EXIST`). A full queue or stack drops
    /// its oldest value.
    Exist = 2,
}

impl<S: MapSpec> Map<S> {
    /// Returns the map at an address that the kernel has returned.
    #[inline(always)]
    pub(crate) const fn at(address: *mut c_void) -> Self {
        Self { address, spec: PhantomData }
    }

    /// Returns the address of the map, for a helper function that takes one.
    #[inline(always)]
    #[must_use]
    pub const fn as_ptr(&self) -> *mut c_void {
        self.address
    }

    /// Returns the value of a key, or `None` if the key is absent. In a per-CPU map, this is the value of this CPU.
    ///
    /// In an `lru_hash`, it marks the entry as recently used.
    #[inline(always)]
    #[must_use]
    pub fn lookup(&self, key: &S::Key) -> Option<&'static SharedCell<S::Value>>
    where
        S::Kind: LookupElement,
    {
        // SAFETY: the address is a map's, and the key has the size of its keys.
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
        // SAFETY: as for `lookup`.
        let value = unsafe { bpf_map_lookup_percpu_elem(self.address, pointer(key), cpu) };
        // SAFETY: as for `lookup`.
        unsafe { cell::<S>(value) }
    }

    /// Writes the value of a key. In a per-CPU map, this is the value of this CPU.
    ///
    /// # Errors
    ///
    /// Fails with `E2BIG` if the map is full or the index is out of range (`ENOSPC` for an `lpm_trie`), `EEXIST` or
    /// `ENOENT` as the mode says, `ENOMEM`, or `EBUSY` if this program has interrupted another that changes the map.
    #[inline(always)]
    pub fn update(&self, key: &S::Key, value: &S::Value, mode: UpdateMode) -> Result<(), Errno>
    where
        S::Kind: UpdateElement,
    {
        // SAFETY: the address is a map's, and key and value have the sizes of its keys and values.
        done(unsafe {
            bpf_map_update_elem(self.address, pointer(key), pointer(value), mode as u64)
        })
    }

    /// Deletes the entry of a key. Returns whether the key was present.
    ///
    /// # Errors
    ///
    /// Fails with `EBUSY` if this program has interrupted another that changes the map.
    #[inline(always)]
    pub fn delete(&self, key: &S::Key) -> Result<bool, Errno>
    where
        S::Kind: DeleteElement,
    {
        const { kind::needs::<S>("delete", Helper::MapDeleteElem) };
        // SAFETY: as for `lookup`.
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
        // SAFETY: the address is a map's, and the value has the size of its values.
        done(unsafe { bpf_map_push_elem(self.address, pointer(value), mode as u64) })
    }

    /// Removes the next value and returns it, or `None` if the map is empty.
    #[inline(always)]
    #[must_use]
    pub fn pop(&self) -> Option<S::Value>
    where
        S::Kind: Pop,
    {
        let mut value = MaybeUninit::<S::Value>::uninit();
        // SAFETY: the helper writes a value of this size, zeros if the map is empty, or nothing if it fails otherwise.
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
        // SAFETY: as for `pop`.
        let result = unsafe { bpf_map_peek_elem(self.address, value.as_mut_ptr().cast()) };
        // SAFETY: as for `pop`.
        (result == 0).then(|| unsafe { value.assume_init() })
    }

    /// Adds a value to a Bloom filter.
    ///
    /// # Errors
    ///
    /// The kernel does not refuse a value.
    #[inline(always)]
    pub fn add(&self, value: &S::Value) -> Result<(), Errno>
    where
        S::Kind: Filter,
    {
        // SAFETY: as for `push`.
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
/// `value` is NULL, or the address of a value of an entry, which is valid until the program returns.
#[inline(always)]
unsafe fn cell<S: MapSpec>(value: *mut c_void) -> Option<&'static SharedCell<S::Value>> {
    const {
        assert!(
            align_of::<S::Value>() <= 8,
            "the kernel aligns values to 8 bytes: use a smaller alignment"
        );
    }
    // SAFETY: the caller's promise. The kernel aligns values to 8 bytes, and any bytes are a value.
    unsafe { value.cast::<SharedCell<S::Value>>().as_ref() }
}

/// Converts the result of a helper function.
#[inline(always)]
pub(crate) fn done(result: i64) -> Result<(), Errno> {
    if result == 0 { Ok(()) } else { Err(errno(result)) }
}

/// Converts the result of a helper function that fails with `absent` if there is no such entry.
#[inline(always)]
fn present(result: i64, absent: Errno) -> Result<bool, Errno> {
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
