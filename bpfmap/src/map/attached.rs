//! Operations on values that are attached to sockets, inodes, tasks and cgroups.

use super::element::LOCK;
use super::{Map, UpdateMode, Value};
use crate::error::{Action, Error, ErrorKind, Result};
use crate::kernel_fields::HasSpinLock;
use crate::kind::AttachValues;
use crate::plain::from_bytes;
use crate::spec::MapSpec;
use crate::sys::{self, Command, DeleteAttr, Errno};
use core::marker::PhantomData;
use core::ptr::from_ref;
use std::os::fd::{AsFd, AsRawFd};

/// The type of the owners of a map's values: a socket, a file, a task or a cgroup.
///
/// ```no_run
/// use bpfmap::kind::AttachValues;
/// use bpfmap::{FileFd, Map, MapSpec, Owner, SocketFd, Value, kind};
/// use std::fs::File;
/// use std::net::TcpStream;
///
/// /// Attaches a value for the duration of a call.
/// fn during<'a, S, O, R>(
///     map: &Map<S>,
///     owner: O,
///     value: &Value<S>,
///     call: impl FnOnce() -> R,
/// ) -> bpfmap::Result<R>
/// where
///     S: MapSpec<Kind: AttachValues>,
///     O: Into<Owner<'a, S>> + Copy,
/// {
///     map.attach(owner, value)?;
///     let result = call();
///     map.detach(owner)?;
///     Ok(result)
/// }
///
/// fn mark<Sockets, Files>(
///     sockets: &Map<Sockets>,
///     files: &Map<Files>,
///     stream: &TcpStream,
///     file: &File,
/// ) -> bpfmap::Result<()>
/// where
///     Sockets: MapSpec<Kind = kind::SkStorage, Key = u32, Value = u64>,
///     Files: MapSpec<Kind = kind::InodeStorage, Key = u32, Value = u64>,
/// {
///     // `SocketFd` and `FileFd` wrap a reference to anything with a descriptor.
///     during(sockets, SocketFd::from(stream), &1, || println!("the socket is marked"))?;
///     during(files, FileFd::from(file), &1, || println!("the file is marked"))
/// }
/// ```
pub type Owner<'a, S> = <<S as MapSpec>::Kind as AttachValues>::Owner<'a>;

/// Computes at compile time whether the values of a map have a [`UserPtr`](crate::UserPtr).
struct Pointers<S>(PhantomData<S>);

impl<S: MapSpec> Pointers<S> {
    const NONE: () = assert!(
        !S::DEF.value.has_user_ptr(),
        "programs write through a user pointer in the value: use `attach_user_ptrs`, which is unsafe"
    );
}

impl<S: MapSpec> Map<S>
where
    S::Kind: AttachValues,
{
    /// Returns the value that is attached to an owner, or `None` if there is none.
    ///
    /// ```no_run
    /// # use bpfmap::{MapDef, Map, MapFlags, MapSpec, kind, TypeDesc};
    /// # enum Retries {}
    /// # impl MapSpec for Retries {
    /// #     type Kind = kind::SkStorage;
    /// #     type Key = u32;
    /// #     type Value = u64;
    /// #     const DEF: MapDef<'static> = kind::SkStorage::def("retries", TypeDesc::U32, TypeDesc::U64)
    /// #         .flags(MapFlags::NO_PREALLOC);
    /// # }
    /// # fn f() -> Result<(), Box<dyn std::error::Error>> {
    /// let retries = Map::<Retries>::create()?;
    /// let socket = std::net::UdpSocket::bind("[::1]:0")?;
    /// retries.attach(&socket, &3)?;
    /// assert_eq!(retries.attached(&socket)?, Some(3));
    /// assert!(retries.detach(&socket)?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `EBADF`, `ENOTSOCK`: the descriptor is not an owner for this map type; see its marker in [`kind`](crate::kind).
    pub fn attached<'a>(&self, owner: impl Into<Owner<'a, S>>) -> Result<Option<Value<S>>> {
        self.read_attached(&owner.into(), 0)
    }

    /// Attaches a value to an owner and replaces an existing one.
    ///
    /// # Errors
    /// `EBADF`, `ENOTSOCK`: as for [`attached`](Self::attached). `ENOMEM`: the kernel has not enough memory. `EPERM`:
    /// the map is frozen. [`PermissionDenied`](ErrorKind::PermissionDenied) without an errno: this process may not read
    /// the BTF of a [`TaskStorage`](crate::kind::TaskStorage) map, so the map's value could have a
    /// [`UserPtr`](crate::UserPtr) that the spec lacks.
    ///
    /// Does not compile for a value with a [`UserPtr`](crate::UserPtr), because programs write through it: see
    /// [`attach_user_ptrs`](Self::attach_user_ptrs).
    pub fn attach<'a>(&self, owner: impl Into<Owner<'a, S>>, value: &Value<S>) -> Result<()> {
        let () = Pointers::<S>::NONE;
        self.knows_pointers()?;
        self.write_attached(&owner.into(), value, UpdateMode::Any as u64)
            .map_err(|errno| Self::failed(Action::Update, errno))
    }

    /// Attaches a value to an owner that has none. Returns `false` and writes nothing if it has one.
    ///
    /// ```
    /// # #[cfg(feature = "derive")] fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bpfmap::{BpfMap, Map};
    /// use std::net::UdpSocket;
    ///
    /// #[derive(BpfMap)]
    /// #[bpf_map(sk_storage, flags(no_prealloc))]
    /// struct Budgets {
    ///     value: u64,
    /// }
    ///
    /// let budgets = Map::<Budgets>::create()?;
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// assert!(!budgets.replace_attached(&socket, &5)?, "the socket has no value");
    /// assert!(budgets.attach_new(&socket, &10)?);
    /// assert!(!budgets.attach_new(&socket, &20)?, "the socket has a value");
    /// assert!(budgets.replace_attached(&socket, &30)?);
    /// assert_eq!(budgets.attached(&socket)?, Some(30));
    /// # Ok(()) }
    /// # #[cfg(not(feature = "derive"))] fn main() {}
    /// ```
    ///
    /// # Errors
    /// Fails like [`attach`](Self::attach).
    pub fn attach_new<'a>(&self, owner: impl Into<Owner<'a, S>>, value: &Value<S>) -> Result<bool> {
        let () = Pointers::<S>::NONE;
        self.knows_pointers()?;
        match self.write_attached(&owner.into(), value, UpdateMode::NoExist as u64) {
            Ok(()) => Ok(true),
            Err(Errno(libc::EEXIST)) => Ok(false),
            Err(errno) => Err(Self::failed(Action::Update, errno)),
        }
    }

    /// Replaces the value of an owner that has one. Returns `false` and writes nothing if it has none.
    ///
    /// # Errors
    /// Fails like [`attach`](Self::attach).
    pub fn replace_attached<'a>(
        &self,
        owner: impl Into<Owner<'a, S>>,
        value: &Value<S>,
    ) -> Result<bool> {
        let () = Pointers::<S>::NONE;
        self.knows_pointers()?;
        match self.write_attached(&owner.into(), value, UpdateMode::Exist as u64) {
            Ok(()) => Ok(true),
            Err(Errno(libc::ENOENT)) => Ok(false),
            Err(errno) => Err(Self::failed(Action::Update, errno)),
        }
    }

    /// Attaches a value with a [`UserPtr`](crate::UserPtr) to an owner (Linux 6.13). From then on, programs read and
    /// write the memory at each address in it that is not null. [`UpdateMode::NoExist`] fails with `EEXIST` if the
    /// owner has a value, and [`UpdateMode::Exist`] fails with `ENOENT` if it has none.
    ///
    /// ```no_run
    /// # use bpfmap::{Map, MapSpec, Plain, UpdateMode, UserPtr, kind, PidFd};
    /// # use core::ptr::NonNull;
    /// # fn f<S: MapSpec<Kind = kind::TaskStorage, Value = UserPtr<[u64; 2]>>>(map: &Map<S>, task: PidFd<'_>) -> bpfmap::Result<()> {
    /// // The memory does not cross a page boundary and is never freed.
    /// #[repr(align(16))]
    /// struct Shared([u64; 2]);
    /// let memory = NonNull::from(Box::leak(Box::new(Shared([0; 2]))));
    /// let pointer = UserPtr::new(memory.cast::<[u64; 2]>());
    /// // SAFETY: the memory is never freed, and nothing but volatile reads through `memory` uses it from now on.
    /// unsafe { map.attach_user_ptrs(task, &pointer, UpdateMode::Any)? };
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Safety
    /// Each address in the value at which the map's BTF has a `uptr` must be null or point to memory of at least the
    /// size of its target in the BTF. From this call until the value is replaced or removed, or the owner or the map is
    /// closed, no Rust code may have a reference to that memory, and it may not be used for anything else: programs may
    /// write to it at any time.
    ///
    /// # Errors
    /// Fails like [`attach`](Self::attach). `EFAULT`: the memory can't be written. `EOPNOTSUPP`: it crosses a page
    /// boundary. `EEXIST` and `ENOENT` depend on `mode`.
    pub unsafe fn attach_user_ptrs<'a>(
        &self,
        owner: impl Into<Owner<'a, S>>,
        value: &Value<S>,
        mode: UpdateMode,
    ) -> Result<()> {
        self.write_attached(&owner.into(), value, mode as u64)
            .map_err(|errno| Self::failed(Action::Update, errno))
    }

    /// Removes the value from an owner. Returns `false` if it had none.
    ///
    /// # Errors
    /// `EBADF`, `ENOTSOCK`: as for [`attached`](Self::attached). `EPERM`: the map is frozen.
    pub fn detach<'a>(&self, owner: impl Into<Owner<'a, S>>) -> Result<bool> {
        let key = Self::key(&owner.into());
        let mut attr = DeleteAttr {
            map_fd: sys::fd_bits(self.fd.as_raw_fd()),
            _pad: 0,
            key: sys::address(from_ref(&key)),
        };
        // SAFETY: the key is a local variable of the size that opening or creating compared, and is only read.
        match unsafe { sys::bpf(Command::DeleteElem, &mut attr) } {
            Ok(_) => Ok(true),
            Err(Errno(libc::ENOENT)) => Ok(false),
            Err(errno) => Err(Self::failed(Action::Delete, errno)),
        }
    }

    /// Does the same as [`attached`](Self::attached) under the lock in the value (`BPF_F_LOCK`).
    ///
    /// ```
    /// # #[cfg(feature = "derive")] fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bpfmap::{BpfMap, BpfType, Map, SpinLock};
    /// use std::net::UdpSocket;
    ///
    /// #[derive(Clone, Copy, Default, BpfType)]
    /// #[repr(C)]
    /// struct Rate {
    ///     lock: SpinLock,
    ///     packets: u32,
    ///     bytes: u64,
    /// }
    ///
    /// #[derive(BpfMap)]
    /// #[bpf_map(sk_storage, flags(no_prealloc))]
    /// struct Rates {
    ///     value: Rate,
    /// }
    ///
    /// let rates = Map::<Rates>::create()?;
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// rates.attach(&socket, &Rate::default())?;
    /// rates.attach_locked(&socket, &Rate { packets: 2, bytes: 128, ..Rate::default() })?;
    /// let rate = rates.attached_locked(&socket)?.unwrap();
    /// assert_eq!((rate.packets, rate.bytes), (2, 128));
    /// # Ok(()) }
    /// # #[cfg(not(feature = "derive"))] fn main() {}
    /// ```
    ///
    /// # Errors
    /// Fails like the method without the lock.
    pub fn attached_locked<'a>(&self, owner: impl Into<Owner<'a, S>>) -> Result<Option<Value<S>>>
    where
        S::Value: HasSpinLock,
    {
        self.read_attached(&owner.into(), LOCK)
    }

    /// Does the same as [`attach`](Self::attach) under the lock in the value (`BPF_F_LOCK`): an existing value changes
    /// in place.
    ///
    /// # Errors
    /// Fails like the method without the lock.
    pub fn attach_locked<'a>(&self, owner: impl Into<Owner<'a, S>>, value: &Value<S>) -> Result<()>
    where
        S::Value: HasSpinLock,
    {
        let () = Pointers::<S>::NONE;
        self.knows_pointers()?;
        self.write_attached(&owner.into(), value, UpdateMode::Any as u64 | LOCK)
            .map_err(|errno| Self::failed(Action::Update, errno))
    }

    /// Fails if the value may have a user pointer that the spec lacks.
    fn knows_pointers(&self) -> Result<()> {
        if !self.may_hide_user_ptrs {
            return Ok(());
        }
        let text = "this process may not read the BTF of the map, so its value may have a user pointer, through which \
                    programs write (help: run with CAP_SYS_ADMIN, or attach with `attach_user_ptrs`, which is unsafe)";
        let kind = ErrorKind::PermissionDenied;
        Err(Error::told(Action::Update, S::DEF.name, kind, 0, text.to_owned()))
    }

    /// Returns the key that the kernel expects: an `int`.
    fn key(owner: &Owner<'_, S>) -> S::Key {
        const { assert!(size_of::<S::Key>() == size_of::<i32>(), "the key is a descriptor") };
        from_bytes(&owner.as_fd().as_raw_fd().to_ne_bytes()).unwrap_or_else(crate::zeroed)
    }

    fn read_attached(&self, owner: &Owner<'_, S>, flags: u64) -> Result<Option<Value<S>>> {
        self.read((Command::LookupElem, Action::Lookup), Some(&Self::key(owner)), flags)
    }

    fn write_attached(
        &self,
        owner: &Owner<'_, S>,
        value: &Value<S>,
        flags: u64,
    ) -> core::result::Result<(), Errno> {
        self.write(Some(&Self::key(owner)), value, flags)
    }
}
