//! Operations on one entry: each is one system call with stack buffers.

use super::{Map, UpdateMode, Value};
use crate::error::{Error, Operation, Result};
use crate::held::Held;
use crate::kind::{
    DeleteElement, InsertElement, Kind, LookupElement, MapType, TakeElement, UpdateElement,
};
use crate::oldest_kernel::Needs;
use crate::spec::MapSpec;
use crate::sys::{self, Command, DeleteAttr, ElementAttr, Errno};
use core::ptr::{from_ref, null};
use std::os::fd::AsRawFd;

/// `BPF_F_LOCK`: under the spin lock in the value.
pub(super) const LOCK: u64 = 4;

/// Where a key is; of none null.
#[inline]
pub(super) fn address<K>(key: Option<&K>) -> *const K {
    key.map_or(null(), from_ref)
}

impl<S: MapSpec> Map<S> {
    /// The attribute of an operation on one entry. Kinds without keys have `()`, and the kernel wants a null pointer.
    #[inline]
    pub(super) fn element(&self, key: *const S::Key, value: *const u8, flags: u64) -> ElementAttr {
        // Opening compares the size of the value with that of the type, except of these. Evaluated by the compiler.
        assert!(!S::Kind::FACTS.has_kernel_value(), "the size of the value is the kernel's affair");
        ElementAttr {
            map_fd: sys::fd_bits(self.fd.as_raw_fd()),
            _pad: 0,
            key: if size_of::<S::Key>() == 0 { 0 } else { sys::address(key) },
            value_or_next_key: sys::address(value),
            flags,
        }
    }

    /// Reads an entry with one of the commands that write a value; `None`: `ENOENT`. `key`: of a kind without keys none.
    #[inline]
    pub(super) fn read(
        &self,
        (command, operation): (Command, Operation),
        key: Option<&S::Key>,
        flags: u64,
    ) -> Result<Option<Value<S>>> {
        let mut slot = Value::<S>::slot()?;
        let mut attr = self.element(address(key), Value::<S>::slot_address(&mut slot), flags);
        // SAFETY: the key is borrowed, or null, and read; a slot has room for what the kernel writes of an entry: the
        // value, whose size opening or creating compared, of a per-CPU map one for each of the CPUs that
        // `possible_cpus` has compared with the kernel's.
        match unsafe { sys::bpf(command, &mut attr) } {
            // SAFETY: where these commands succeed, the kernel wrote the whole entry to the slot.
            Ok(_) => Ok(Some(unsafe { Value::<S>::from_slot(slot) })),
            Err(Errno(libc::ENOENT)) => Ok(None),
            Err(errno) => Err(Self::failed(operation, errno)),
        }
    }

    /// Reads an entry into place; `false`: `ENOENT`.
    #[inline]
    pub(super) fn read_into(
        &self,
        (command, operation): (Command, Operation),
        key: Option<&S::Key>,
        into: &mut Value<S>,
        flags: u64,
    ) -> Result<bool> {
        let mut attr = self.element(address(key), into.address_mut(), flags);
        // SAFETY: the key is borrowed, or null, and read; a value has as much room as a slot in `read`, and any bytes
        // are a valid value, so it stays one whatever part of it a call that fails has written.
        match unsafe { sys::bpf(command, &mut attr) } {
            Ok(_) => Ok(true),
            Err(Errno(libc::ENOENT)) => Ok(false),
            Err(errno) => Err(Self::failed(operation, errno)),
        }
    }

    /// Writes an entry.
    #[inline]
    pub(super) fn write(
        &self,
        key: Option<&S::Key>,
        value: &Value<S>,
        flags: u64,
    ) -> core::result::Result<(), Errno> {
        let mut attr = self.element(address(key), value.address(), flags);
        // SAFETY: key and value are borrowed and only read; a value has as many bytes as the kernel reads of an entry,
        // as in `read`.
        unsafe { sys::bpf(Command::UpdateElem, &mut attr) }.map(|_| ())
    }

    #[cold]
    #[inline(never)]
    pub(super) fn failed(operation: Operation, errno: Errno) -> Error {
        Error::from_errno(operation, S::DEF.name, errno)
    }
}

impl<S: MapSpec> Map<S> {
    /// The entry of a key; `None` when there is none, as for an index beyond the last. In an LPM trie, the entry of
    /// the longest prefix that covers the key.
    ///
    /// A copy, which is on the stack of the thread. A value of 1 KiB and more, or one of a per-CPU map that is read again
    /// and again, wants [`lookup_into`](Self::lookup_into); one of [256 KiB and more](Self::lookup_boxed) wants
    /// [`lookup_boxed`](Self::lookup_boxed).
    ///
    /// # Errors
    /// `EPERM`: the descriptor is write-only.
    #[inline]
    pub fn lookup(&self, key: &S::Key) -> Result<Option<Value<S>>>
    where
        S::Kind: LookupElement,
    {
        self.read((Command::LookupElem, Operation::Lookup), Some(key), 0)
    }

    /// Reads the entry of a key into `into`; `false`, and `into` is as it was, when there is none.
    ///
    /// # Errors
    /// As [`lookup`](Self::lookup).
    #[inline]
    pub fn lookup_into(&self, key: &S::Key, into: &mut Value<S>) -> Result<bool>
    where
        S::Kind: LookupElement,
    {
        self.read_into((Command::LookupElem, Operation::Lookup), Some(key), into, 0)
    }
}

impl<S: MapSpec> Map<S> {
    /// Writes the entry of a key.
    ///
    /// Every index of an array is present: [`UpdateMode::NoExist`] is always `EEXIST` there. User space makes no entry of a
    /// cgroup storage: [`UpdateMode::NoExist`] is always `EINVAL` there, for a present entry too.
    ///
    /// # Errors
    /// `EEXIST` and `ENOENT` as `mode` says. `E2BIG`: a hash is full, an index out of range. `ENOSPC`: an LPM trie is
    /// full (on Linux 5.10 even when the key is present). `EINVAL`: an LPM prefix is longer than the data. `EPERM`: the
    /// map is frozen or the descriptor read-only.
    #[inline]
    pub fn update(&self, key: &S::Key, value: &Value<S>, mode: UpdateMode) -> Result<()>
    where
        S::Kind: UpdateElement,
    {
        self.write(Some(key), value, mode as u64)
            .map_err(|errno| Self::failed(Operation::Update, errno))
    }
}

impl<S: MapSpec> Map<S> {
    /// Writes the entry of a key that is absent; `false`, and nothing is written, when it is present.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    #[inline]
    pub fn insert(&self, key: &S::Key, value: &Value<S>) -> Result<bool>
    where
        S::Kind: InsertElement + UpdateElement,
    {
        match self.write(Some(key), value, UpdateMode::NoExist as u64) {
            Ok(()) => Ok(true),
            Err(Errno(libc::EEXIST)) => Ok(false),
            Err(errno) => Err(Self::failed(Operation::Update, errno)),
        }
    }

    /// Writes the entry of a key that is present; `false`, and nothing is written, when it is absent.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    #[inline]
    pub fn replace(&self, key: &S::Key, value: &Value<S>) -> Result<bool>
    where
        S::Kind: InsertElement + UpdateElement,
    {
        match self.write(Some(key), value, UpdateMode::Exist as u64) {
            Ok(()) => Ok(true),
            Err(Errno(libc::ENOENT)) => Ok(false),
            Err(errno) => Err(Self::failed(Operation::Update, errno)),
        }
    }
}

impl<S: MapSpec> Map<S> {
    /// Deletes the entry of a key; `false` when there was none, where the map type tells (a
    /// [`Devmap`](crate::kind::Devmap) does not).
    ///
    /// # Errors
    /// `EINVAL`: an LPM prefix is longer than the data. `EPERM`: the map is frozen or the descriptor read-only.
    #[inline]
    pub fn delete(&self, key: &S::Key) -> Result<bool>
    where
        S::Kind: DeleteElement,
    {
        let mut attr = DeleteAttr {
            map_fd: sys::fd_bits(self.fd.as_raw_fd()),
            _pad: 0,
            key: sys::address(from_ref(key)),
        };
        // SAFETY: the key is borrowed, has the size that opening or creating compared, and is only read.
        match unsafe { sys::bpf(Command::DeleteElem, &mut attr) } {
            Ok(_) => Ok(true),
            Err(Errno(errno)) if errno == const { delete_missing(S::Kind::FACTS) } => Ok(false),
            Err(errno) => Err(Self::failed(Operation::Delete, errno)),
        }
    }
}

impl<S: MapSpec> Map<S> {
    /// Deletes the entry of a key and gives what it held, in one step: no update is lost in between. `None` when there
    /// was none.
    ///
    /// # Errors
    /// `ENOTSUPP` ([`Unsupported`](crate::ErrorKind::Unsupported)) before Linux 5.14, for which it does not compile where
    /// the schema's `min_kernel` is older: see [`AnyKernel`](crate::AnyKernel). `EPERM`: the map is frozen or the
    /// descriptor read-only.
    #[inline]
    pub fn take(&self, key: &S::Key) -> Result<Option<Value<S>>>
    where
        S::Kind: TakeElement,
    {
        let () = Needs::<S>::TAKE;
        self.read((Command::LookupAndDeleteElem, Operation::Take), Some(key), 0)
    }

    /// As [`take`](Self::take), into `into`; `false`, and `into` is as it was, when there was none.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    #[inline]
    pub fn take_into(&self, key: &S::Key, into: &mut Value<S>) -> Result<bool>
    where
        S::Kind: TakeElement,
    {
        let () = Needs::<S>::TAKE;
        self.read_into((Command::LookupAndDeleteElem, Operation::Take), Some(key), into, 0)
    }
}

/// The errno of deleting what is not there.
const fn delete_missing(facts: &MapType) -> i32 {
    match facts.delete_missing() {
        Some(errno) => errno.0,
        None => libc::ENOENT,
    }
}
