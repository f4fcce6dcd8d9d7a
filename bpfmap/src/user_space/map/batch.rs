//! The batch commands (Linux 5.6) and their buffers.

use super::{Map, Value};
use crate::kind::Kind;
use crate::spec::MapSpec;
use crate::user_space::error::Result;
use crate::user_space::held::Held;
use crate::user_space::sys::{self, BatchAttr, Command, ENOTSUPP, Errno};
use core::ptr::null;
use core::sync::atomic::{AtomicU8, Ordering};
use std::os::fd::AsRawFd;

/// The maximum number of entries in a batch. Larger batches are not faster.
const ENTRIES: usize = 4096;
/// The maximum number of bytes of a batch with more than one entry.
const BYTES: usize = 1 << 20;

/// Returns the number of entries of this size that a batch can hold, but at most `wanted`.
pub(crate) fn capacity(entry_size: usize, wanted: usize) -> usize {
    wanted.min(ENTRIES).min(BYTES / entry_size.max(1)).max(1)
}

/// The batch commands that the kernel is known to lack. The handle does not try these commands
/// again.
#[derive(Default)]
pub(super) struct Lacks(AtomicU8);

impl Lacks {
    pub(super) fn knows(&self, command: Command) -> bool {
        self.0.load(Ordering::Relaxed) & Self::bit(command) != 0
    }

    pub(super) fn remember(&self, command: Command) {
        self.0.fetch_or(Self::bit(command), Ordering::Relaxed);
    }

    /// Records that all batch commands are missing.
    pub(super) fn remember_all(&self) {
        self.0.fetch_or(0b1111, Ordering::Relaxed);
    }

    fn bit(command: Command) -> u8 {
        match command {
            Command::LookupBatch => 1,
            Command::LookupAndDeleteBatch => 2,
            Command::UpdateBatch => 4,
            Command::DeleteBatch => 8,
            Command::LookupAndDeleteElem => 16,
            _ => 0,
        }
    }
}

/// Returns whether the errno means that the kernel lacks a batch command, either completely or for
/// the map type.
pub(crate) fn is_missing(errno: Errno) -> bool {
    matches!(errno.0, ENOTSUPP | libc::EOPNOTSUPP | libc::EINVAL)
}

/// Entries in the layout of the batch commands: all keys, then all values.
pub(super) struct Entries {
    keys: Vec<u8>,
    values: Vec<u8>,
    value_size: usize,
    /// The number of entries for which the buffer has space.
    pub(super) capacity: usize,
    /// The number of entries in the buffer.
    pub(super) len: usize,
}

impl Entries {
    pub(super) fn new<S: MapSpec>(capacity: usize) -> Result<Self> {
        // The compiler evaluates this assertion.
        assert!(!S::Kind::FACTS.has_kernel_value(), "the kernel determines the size of the value");
        let value_size = Value::<S>::size()?;
        Ok(Self {
            keys: vec![0; capacity * size_of::<S::Key>()],
            values: vec![0; capacity * value_size],
            value_size,
            capacity,
            len: 0,
        })
    }

    /// Returns whether the buffer has space for `capacity` keys and values of the spec `S`.
    #[inline]
    fn is_of<S: MapSpec>(&self) -> bool {
        self.keys.len() / self.capacity.max(1) >= size_of::<S::Key>()
            && self.values.len() / self.capacity.max(1) >= self.value_size
    }

    /// Returns the key at an index below `len`.
    #[inline]
    pub(super) fn key<S: MapSpec>(&self, index: usize) -> S::Key {
        let size = size_of::<S::Key>();
        let key = &self.keys[index * size..(index + 1) * size];
        // SAFETY: the slice has as many bytes as a key, which is plain data, so any bytes are a
        // valid key.
        unsafe { key.as_ptr().cast::<S::Key>().read_unaligned() }
    }

    /// Returns the bytes of the value at an index below `len`.
    #[inline]
    pub(super) fn value_bytes(&self, index: usize) -> &[u8] {
        &self.values[index * self.value_size..(index + 1) * self.value_size]
    }

    /// Returns the value at an index below `len`.
    #[inline]
    pub(super) fn value<S: MapSpec>(&self, index: usize) -> Result<Value<S>> {
        let value = self.value_bytes(index);
        // SAFETY: the slice has `Held::size` bytes, as `new` requested, and any bytes are a value.
        unsafe { Value::<S>::read(value.as_ptr()) }
    }

    /// Copies the value at an index below `len` over another value.
    #[inline]
    pub(super) fn copy_value<S: MapSpec>(&self, index: usize, to: &mut Value<S>) {
        let value = self.value_bytes(index);
        assert!(self.is_of::<S>(), "the buffer must have the key and value sizes of the map");
        // SAFETY: the slice has `Held::size` bytes, as `new` requested. They can be written at `to`, and any bytes are
        // a value. The buffer and `to` do not overlap, because `to` is borrowed mutably.
        unsafe { core::ptr::copy_nonoverlapping(value.as_ptr(), to.address_mut(), value.len()) };
    }

    /// Writes the first key, for operations on a single entry.
    pub(super) fn set_key<S: MapSpec>(&mut self, key: &S::Key) {
        self.keys[..size_of::<S::Key>()].copy_from_slice(crate::bytes_of(key));
    }

    /// Returns the address at which the kernel writes the first value.
    pub(super) fn first_value(&mut self) -> *mut u8 {
        self.values.as_mut_ptr()
    }
}

/// The result of a command that writes a batch.
pub(super) struct Written {
    /// The number of entries that the command wrote or deleted.
    pub(super) count: usize,
    /// The errno for the next entry, if the command failed.
    pub(super) errno: Option<Errno>,
    /// Whether the kernel lacks the command, either completely or for the map type.
    pub(super) missing: bool,
}

impl<S: MapSpec> Map<S> {
    /// Calls a command that fills `into`. The command is called only once. Returns the errno of the
    /// command, which is `ENOENT` at the end of the map. `cursor` has space for a key, and has at
    /// least 4 bytes, because for hashes the kernel stores a 4-byte number in `cursor`.
    pub(super) fn read_batch(
        &self,
        command: Command,
        from_start: bool,
        cursor: &mut [u8],
        into: &mut Entries,
    ) -> Option<Errno> {
        assert!(
            cursor.len() >= size_of::<S::Key>().max(4),
            "the cursor must have space for a key and for a number of 4 bytes"
        );
        assert!(into.is_of::<S>(), "the buffer must have the key and value sizes of the map");
        let cursor = sys::address(cursor.as_mut_ptr());
        let mut attr = BatchAttr {
            in_batch: if from_start { 0 } else { cursor },
            out_batch: cursor,
            keys: sys::address(into.keys.as_mut_ptr()),
            values: sys::address(into.values.as_mut_ptr()),
            count: u32::try_from(into.capacity).unwrap_or(u32::MAX),
            map_fd: sys::fd_bits(self.fd.as_raw_fd()),
            elem_flags: 0,
            flags: 0,
        };
        // SAFETY: keys and values have space for `capacity` entries of the sizes that opening or
        // creating compared. For a per-CPU map, an entry has as many values as `possible_cpus`,
        // which was compared with the kernel's number. The cursor has space for a key and for a
        // number of 4 bytes, and each map type stores one of these there. All are borrowed mutably.
        let errno = unsafe { sys::bpf(command, &mut attr) }.err();
        into.len = match errno {
            // `ENOENT` is the end of the map and not a failure. `ENOSPC` means that a bucket needs
            // more space.
            None | Some(Errno(libc::ENOENT | libc::ENOSPC)) => {
                into.capacity.min(attr.count as usize)
            }
            Some(_) => 0,
        };
        errno
    }

    /// Calls a command that passes keys to the kernel. An update also passes values.
    ///
    /// # Safety
    /// There must be `count` keys and values, and the values must have the layout that the kernel
    /// expects.
    pub(super) unsafe fn write_batch(
        &self,
        command: Command,
        keys: *const S::Key,
        values: Option<*const u8>,
        count: usize,
    ) -> Written {
        let mut attr = BatchAttr {
            in_batch: 0,
            out_batch: 0,
            keys: sys::address(keys),
            values: sys::address(values.unwrap_or(null())),
            count: u32::try_from(count).unwrap_or(u32::MAX),
            map_fd: sys::fd_bits(self.fd.as_raw_fd()),
            elem_flags: 0,
            flags: 0,
        };
        let asked = attr.count;
        // SAFETY: the caller promises `count` keys and, if the command has values, as many values. They are only read.
        match unsafe { sys::bpf(command, &mut attr) } {
            Ok(_) => Written { count: attr.count as usize, errno: None, missing: false },
            // The count is unchanged, so the call did nothing.
            Err(errno) if attr.count == asked => {
                Written { count: 0, errno: Some(errno), missing: is_missing(errno) }
            }
            Err(errno) => {
                Written { count: attr.count as usize, errno: Some(errno), missing: false }
            }
        }
    }
}
