//! Operations on one entry. Each operation is one system call with buffers on the stack.

use super::{Map, UpdateMode, Value};
use crate::kind::{
    DeleteElement, InsertElement, Kind, LookupElement, MapType, TakeElement, UpdateElement,
};
use crate::spec::MapSpec;
use crate::user_space::error::{Action, Error, Result};
use crate::user_space::held::Held;
use crate::user_space::oldest_kernel::Needs;
use crate::user_space::sys::{self, Command, DeleteAttr, ElementAttr, Errno};
use core::ptr::{from_ref, null};
use std::os::fd::AsRawFd;

/// `BPF_F_LOCK`: the kernel acquires the spin lock in the value.
pub(super) const LOCK: u64 = 4;

/// Returns the address of a key, or null if `key` is `None`.
#[inline]
pub(super) fn address<K>(key: Option<&K>) -> *const K {
    key.map_or(null(), from_ref)
}

impl<S: MapSpec> Map<S> {
    /// Returns the attribute of an operation on one entry. For a map type without keys, the key is
    /// `()`, and the kernel expects a null pointer.
    #[inline]
    pub(super) fn element(&self, key: *const S::Key, value: *const u8, flags: u64) -> ElementAttr {
        // Opening compares the size of the value with the size of the type, except for map types
        // whose value the kernel defines. The compiler evaluates this assertion.
        assert!(!S::Kind::FACTS.has_kernel_value(), "the kernel determines the size of the value");
        ElementAttr {
            map_fd: sys::fd_bits(self.fd.as_raw_fd()),
            _pad: 0,
            key: if size_of::<S::Key>() == 0 { 0 } else { sys::address(key) },
            value_or_next_key: sys::address(value),
            flags,
        }
    }

    /// Reads an entry with one of the commands that write a value. Returns `None` for `ENOENT`.
    /// `key` is `None` for map types without keys.
    #[inline]
    pub(super) fn read(
        &self,
        (command, action): (Command, Action),
        key: Option<&S::Key>,
        flags: u64,
    ) -> Result<Option<Value<S>>> {
        let mut slot = Value::<S>::slot()?;
        let mut attr = self.element(address(key), Value::<S>::slot_address(&mut slot), flags);
        // SAFETY: the key is borrowed or null, and is only read. A slot has space for what the kernel writes: the
        // value, whose size opening or creating compared, or in a per-CPU map one value for each CPU of
        // `possible_cpus`, whose number was compared with the kernel's.
        match unsafe { sys::bpf(command, &mut attr) } {
            // SAFETY: when these commands succeed, the kernel has written the whole entry to the
            // slot.
            Ok(_) => Ok(Some(unsafe { Value::<S>::from_slot(slot) })),
            Err(Errno(libc::ENOENT)) => Ok(None),
            Err(errno) => Err(Self::failed(action, errno)),
        }
    }

    /// Reads an entry into an existing value. Returns `false` for `ENOENT`.
    #[inline]
    pub(super) fn read_into(
        &self,
        (command, action): (Command, Action),
        key: Option<&S::Key>,
        into: &mut Value<S>,
        flags: u64,
    ) -> Result<bool> {
        let mut attr = self.element(address(key), into.address_mut(), flags);
        // SAFETY: the key is borrowed or null, and is only read. A value has as much space as a slot in `read`. Any
        // bytes are a valid value, so it stays valid even if a call that fails has written a part of it.
        match unsafe { sys::bpf(command, &mut attr) } {
            Ok(_) => Ok(true),
            Err(Errno(libc::ENOENT)) => Ok(false),
            Err(errno) => Err(Self::failed(action, errno)),
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
        // SAFETY: key and value are borrowed and only read. A value has as many bytes as the kernel reads for an entry,
        // as in `read`.
        unsafe { sys::bpf(Command::UpdateElem, &mut attr) }.map(|_| ())
    }

    #[cold]
    #[inline(never)]
    pub(super) fn failed(action: Action, errno: Errno) -> Error {
        Error::from_errno(action, S::DEF.name, errno)
    }
}

impl<S: MapSpec> Map<S> {
    /// Returns the entry of a key, or `None` if the key is absent or the index is out of range. In
    /// an LPM trie, returns the entry of the longest prefix that covers the key.
    ///
    /// The result is a copy on the stack of the thread. Use [`lookup_into`](Self::lookup_into) for values of 1 KiB and
    /// more, and for per-CPU values that you read repeatedly. Use [`lookup_boxed`](Self::lookup_boxed) for values of
    /// 256 KiB and more.
    ///
    /// # Errors
    /// `EPERM`: the descriptor is write-only.
    #[inline]
    pub fn lookup(&self, key: &S::Key) -> Result<Option<Value<S>>>
    where
        S::Kind: LookupElement,
    {
        self.read((Command::LookupElem, Action::Lookup), Some(key), 0)
    }

    /// Reads the entry of a key into `into`. Returns `false` and leaves `into` unchanged if the key
    /// is absent.
    ///
    /// ```
    /// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
    /// use bpfmap::{BpfMap, Map, UpdateMode};
    ///
    /// #[derive(BpfMap)]
    /// #[bpf_map(hash, max_entries = 2)]
    /// struct Pages {
    ///     key: u32,
    ///     value: [u8; 4096],
    /// }
    ///
    /// let pages = Map::<Pages>::create()?;
    /// pages.update(&7, &[1; 4096], UpdateMode::Any)?;
    ///
    /// // Use one buffer for all lookups.
    /// let mut page = bpfmap::zeroed_box::<[u8; 4096]>();
    /// assert!(pages.lookup_into(&7, &mut page)?);
    /// assert_eq!(page[4095], 1);
    /// assert!(!pages.lookup_into(&8, &mut page)?);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "derive"))] fn main() {}
    /// ```
    ///
    /// # Errors
    /// Fails in the same cases as [`lookup`](Self::lookup).
    #[inline]
    pub fn lookup_into(&self, key: &S::Key, into: &mut Value<S>) -> Result<bool>
    where
        S::Kind: LookupElement,
    {
        self.read_into((Command::LookupElem, Action::Lookup), Some(key), into, 0)
    }
}

impl<S: MapSpec> Map<S> {
    /// Writes the entry of a key.
    ///
    /// For an array, [`UpdateMode::NoExist`] always fails with `EEXIST`, because every index of an
    /// array is present. For a cgroup storage, [`UpdateMode::NoExist`] always fails with `EINVAL`,
    /// because user space can't create entries there.
    ///
    /// # Errors
    /// `EEXIST`: the key is present, and `mode` is [`UpdateMode::NoExist`]. `ENOENT`: the key is
    /// absent, and `mode` is [`UpdateMode::Exist`]. `E2BIG`: a hash is full, or an index is out of
    /// range. `ENOSPC`: an LPM trie is full (on Linux 5.10, this error is also returned if the key
    /// is present). `EINVAL`: the prefix length of an LPM key is larger than the key's data.
    /// `EPERM`: the map is frozen, or the descriptor is read-only.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
    /// use bpfmap::{BpfMap, ErrorKind, Map, UpdateMode};
    ///
    /// #[derive(BpfMap)]
    /// #[bpf_map(hash, max_entries = 8)]
    /// struct Limits {
    ///     key: u32,
    ///     value: u64,
    /// }
    ///
    /// let limits = Map::<Limits>::create()?;
    /// let absent = limits.update(&1, &100, UpdateMode::Exist).unwrap_err();
    /// assert_eq!(absent.kind(), ErrorKind::NotFound);
    ///
    /// limits.update(&1, &100, UpdateMode::NoExist)?;
    /// let present = limits.update(&1, &200, UpdateMode::NoExist).unwrap_err();
    /// assert_eq!(present.kind(), ErrorKind::Exists);
    ///
    /// limits.update(&1, &300, UpdateMode::Any)?;
    /// assert_eq!(limits.lookup(&1)?, Some(300));
    /// # Ok(()) }
    /// # #[cfg(not(feature = "derive"))] fn main() {}
    /// ```
    #[inline]
    pub fn update(&self, key: &S::Key, value: &Value<S>, mode: UpdateMode) -> Result<()>
    where
        S::Kind: UpdateElement,
    {
        self.write(Some(key), value, mode as u64)
            .map_err(|errno| Self::failed(Action::Update, errno))
    }
}

impl<S: MapSpec> Map<S> {
    /// Writes the entry of a key that is absent. Returns `false` and writes nothing if the key is
    /// present.
    ///
    /// ```
    /// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
    /// use bpfmap::{BpfMap, Map};
    ///
    /// #[derive(BpfMap)]
    /// #[bpf_map(hash, max_entries = 8)]
    /// struct Leases {
    ///     key: u32,
    ///     value: u64,
    /// }
    ///
    /// let leases = Map::<Leases>::create()?;
    /// assert!(leases.insert(&1, &60)?);
    /// assert!(!leases.insert(&1, &90)?, "the key is present");
    ///
    /// assert!(leases.replace(&1, &120)?);
    /// assert!(!leases.replace(&2, &120)?, "the key is absent");
    /// assert_eq!((leases.lookup(&1)?, leases.lookup(&2)?), (Some(120), None));
    /// # Ok(()) }
    /// # #[cfg(not(feature = "derive"))] fn main() {}
    /// ```
    ///
    /// # Errors
    /// Fails in the same cases as [`update`](Self::update).
    #[inline]
    pub fn insert(&self, key: &S::Key, value: &Value<S>) -> Result<bool>
    where
        S::Kind: InsertElement + UpdateElement,
    {
        match self.write(Some(key), value, UpdateMode::NoExist as u64) {
            Ok(()) => Ok(true),
            Err(Errno(libc::EEXIST)) => Ok(false),
            Err(errno) => Err(Self::failed(Action::Update, errno)),
        }
    }

    /// Writes the entry of a key that is present. Returns `false` and writes nothing if the key is
    /// absent.
    ///
    /// # Errors
    /// Fails in the same cases as [`update`](Self::update).
    #[inline]
    pub fn replace(&self, key: &S::Key, value: &Value<S>) -> Result<bool>
    where
        S::Kind: InsertElement + UpdateElement,
    {
        match self.write(Some(key), value, UpdateMode::Exist as u64) {
            Ok(()) => Ok(true),
            Err(Errno(libc::ENOENT)) => Ok(false),
            Err(errno) => Err(Self::failed(Action::Update, errno)),
        }
    }
}

impl<S: MapSpec> Map<S> {
    /// Deletes the entry of a key. Returns `false` if the key was absent. Some map types, such as
    /// [`Devmap`](crate::kind::Devmap), don't report absent keys. For these types, the method
    /// returns `true`.
    ///
    /// # Errors
    /// `EINVAL`: the prefix length of an LPM key is larger than the key's data. `EPERM`: the map is
    /// frozen, or the descriptor is read-only.
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
        // SAFETY: the key is borrowed and only read, and has the size that opening or creating compared.
        match unsafe { sys::bpf(Command::DeleteElem, &mut attr) } {
            Ok(_) => Ok(true),
            Err(Errno(errno)) if errno == const { delete_missing(S::Kind::FACTS) } => Ok(false),
            Err(errno) => Err(Self::failed(Action::Delete, errno)),
        }
    }
}

impl<S: MapSpec> Map<S> {
    /// Deletes the entry of a key and returns its value, or `None` if the key was absent. The
    /// kernel reads and deletes the entry in one step, so no update is lost between reading and
    /// deleting.
    ///
    /// # Errors
    /// `ENOTSUPP` ([`Unsupported`](crate::ErrorKind::Unsupported)): the kernel is older than Linux
    /// 5.14, or than Linux 6.18 for a `stack_trace`. If the schema's `min_kernel` is older than
    /// that release, the method does not compile: see [`AnyKernel`](crate::AnyKernel). `EPERM`: the
    /// map is frozen, or the descriptor is read-only.
    #[inline]
    pub fn take(&self, key: &S::Key) -> Result<Option<Value<S>>>
    where
        S::Kind: TakeElement,
    {
        let () = Needs::<S>::TAKE;
        self.read((Command::LookupAndDeleteElem, Action::Take), Some(key), 0)
    }

    /// Deletes the entry of a key like [`take`](Self::take), and writes its value to `into`.
    /// Returns `false` and leaves `into` unchanged if the key was absent.
    ///
    /// ```no_run
    /// use bpfmap::{Map, MapSpec, PerCpu, kind};
    ///
    /// /// Deletes flows, and returns the total number of their packets.
    /// fn end<Flows>(flows: &Map<Flows>, ended: &[u32]) -> bpfmap::Result<u64>
    /// where
    ///     Flows: MapSpec<Kind = kind::PercpuHash, Key = u32, Value = u64>,
    /// {
    ///     let mut packets = PerCpu::zeroed()?;
    ///     let mut total = 0;
    ///     for flow in ended {
    ///         if flows.take_into(flow, &mut packets)? {
    ///             total += packets.iter().sum::<u64>();
    ///         }
    ///     }
    ///     Ok(total)
    /// }
    /// ```
    ///
    /// # Errors
    /// Fails in the same cases as [`take`](Self::take).
    #[inline]
    pub fn take_into(&self, key: &S::Key, into: &mut Value<S>) -> Result<bool>
    where
        S::Kind: TakeElement,
    {
        let () = Needs::<S>::TAKE;
        self.read_into((Command::LookupAndDeleteElem, Action::Take), Some(key), into, 0)
    }
}

/// Returns the errno that the kernel returns if the entry to delete is absent.
const fn delete_missing(facts: &MapType) -> i32 {
    match facts.delete_missing() {
        Some(errno) => errno.0,
        None => libc::ENOENT,
    }
}
