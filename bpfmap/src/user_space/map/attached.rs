//! Operations on values that are attached to sockets, inodes, tasks and cgroups.

use super::element::LOCK;
use super::{Map, UpdateMode, Value};
use crate::kernel_fields::HasSpinLock;
use crate::kind::AttachValues;
use crate::plain::from_bytes;
use crate::spec::MapSpec;
use crate::user_space::error::{Action, Error, ErrorKind, Result};
use crate::user_space::sys::{self, Command, DeleteAttr, Errno};
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

/// Determines at compile time whether the value type of a map contains a
/// [`UserPtr`](crate::UserPtr).
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
    /// Returns the value that is attached to an owner, or `None` if the owner has no value.
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
    /// `EBADF`, `ENOTSOCK`: the descriptor does not refer to an owner that this map type accepts;
    /// see the marker of the map type in [`kind`](crate::kind).
    pub fn attached<'a>(&self, owner: impl Into<Owner<'a, S>>) -> Result<Option<Value<S>>> {
        self.read_attached(&owner.into(), 0)
    }

    /// Attaches a value to an owner. If the owner already has a value, the new value replaces it.
    ///
    /// # Errors
    /// `EBADF`, `ENOTSOCK`: the descriptor does not refer to an owner that this map type accepts.
    /// `ENOMEM`: the kernel does not have enough memory. `EPERM`: the map is frozen.
    /// [`PermissionDenied`](ErrorKind::PermissionDenied) without an errno: this process has no
    /// permission to read the BTF of a [`TaskStorage`](crate::kind::TaskStorage) map. The map's
    /// value could therefore have a [`UserPtr`](crate::UserPtr) that the spec does not declare.
    ///
    /// This method does not compile for a value with a [`UserPtr`](crate::UserPtr), because
    /// programs write through that pointer. Use the unsafe method
    /// [`attach_user_ptrs`](Self::attach_user_ptrs) for such a value.
    pub fn attach<'a>(&self, owner: impl Into<Owner<'a, S>>, value: &Value<S>) -> Result<()> {
        let () = Pointers::<S>::NONE;
        self.knows_pointers()?;
        self.write_attached(&owner.into(), value, UpdateMode::Any as u64)
            .map_err(|errno| Self::failed(Action::Update, errno))
    }

    /// Attaches a value to an owner that has none. Returns `false` and writes nothing if the owner
    /// already has a value.
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
    /// Fails in the same cases as [`attach`](Self::attach).
    pub fn attach_new<'a>(&self, owner: impl Into<Owner<'a, S>>, value: &Value<S>) -> Result<bool> {
        let () = Pointers::<S>::NONE;
        self.knows_pointers()?;
        match self.write_attached(&owner.into(), value, UpdateMode::NoExist as u64) {
            Ok(()) => Ok(true),
            Err(Errno(libc::EEXIST)) => Ok(false),
            Err(errno) => Err(Self::failed(Action::Update, errno)),
        }
    }

    /// Replaces the value of an owner that already has a value. Returns `false` and writes nothing
    /// if the owner has no value.
    ///
    /// # Errors
    /// Fails in the same cases as [`attach`](Self::attach).
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

    /// Attaches a value with a [`UserPtr`](crate::UserPtr) to an owner (Linux 6.13). After that,
    /// programs can read and write the memory to which each non-null user pointer in the value
    /// points. [`UpdateMode::NoExist`] fails with `EEXIST` if the owner already has a value, and
    /// [`UpdateMode::Exist`] fails with `ENOENT` if the owner has no value.
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
    /// Each pointer in the value that is a `uptr` in the map's BTF must either be null or point to
    /// memory that is at least as large as the pointer's target in the BTF.
    ///
    /// Programs can write to this memory at any time until the value is replaced or removed, or
    /// until the owner or the map no longer exists. During that time, no Rust code may have a
    /// reference to the memory, and the memory must not be used for anything else.
    ///
    /// # Errors
    /// Fails in the same cases as [`attach`](Self::attach). `EFAULT`: the memory can't be written.
    /// `EOPNOTSUPP`: the memory crosses a page boundary. `EEXIST`: the owner already has a value,
    /// and `mode` is [`UpdateMode::NoExist`]. `ENOENT`: the owner has no value, and `mode` is
    /// [`UpdateMode::Exist`].
    pub unsafe fn attach_user_ptrs<'a>(
        &self,
        owner: impl Into<Owner<'a, S>>,
        value: &Value<S>,
        mode: UpdateMode,
    ) -> Result<()> {
        self.write_attached(&owner.into(), value, mode as u64)
            .map_err(|errno| Self::failed(Action::Update, errno))
    }

    /// Removes the value of an owner. Returns `false` if the owner had no value.
    ///
    /// # Errors
    /// `EBADF`, `ENOTSOCK`: the descriptor does not refer to an owner that this map type accepts.
    /// `EPERM`: the map is frozen.
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

    /// Returns the value of an owner like [`attached`](Self::attached). The kernel copies the value
    /// while it holds the spin lock in the value (`BPF_F_LOCK`).
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
    /// Fails in the same cases as [`attached`](Self::attached).
    pub fn attached_locked<'a>(&self, owner: impl Into<Owner<'a, S>>) -> Result<Option<Value<S>>>
    where
        S::Value: HasSpinLock,
    {
        self.read_attached(&owner.into(), LOCK)
    }

    /// Attaches a value to an owner like [`attach`](Self::attach), but under the spin lock in the
    /// value (`BPF_F_LOCK`). An existing value changes in place.
    ///
    /// # Errors
    /// Fails in the same cases as [`attach`](Self::attach).
    pub fn attach_locked<'a>(&self, owner: impl Into<Owner<'a, S>>, value: &Value<S>) -> Result<()>
    where
        S::Value: HasSpinLock,
    {
        let () = Pointers::<S>::NONE;
        self.knows_pointers()?;
        self.write_attached(&owner.into(), value, UpdateMode::Any as u64 | LOCK)
            .map_err(|errno| Self::failed(Action::Update, errno))
    }

    /// Fails if the value could have a user pointer that the spec does not declare.
    fn knows_pointers(&self) -> Result<()> {
        if !self.may_hide_user_ptrs {
            return Ok(());
        }
        let text = "this process may not read the BTF of the map, so programs could write through a user pointer in the \
                    value (help: run with CAP_SYS_ADMIN, or use the unsafe method `attach_user_ptrs`)";
        let kind = ErrorKind::PermissionDenied;
        Err(Error::told(Action::Update, S::DEF.name, kind, 0, text.to_owned()))
    }

    /// Returns the key that the kernel expects: the owner's descriptor, as an `int`.
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
