//! The kernel's information about a map.

use crate::kind::{MapType, added_flags};
use crate::user_space::sys::{
    self, BatchAttr, BtfInfoRaw, Command, ElementAttr, Errno, IdAttr, InfoAttr, MapInfoRaw,
};
use bpfmap_core::MapFlags;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// The kernel's information about a map (`struct bpf_map_info`).
///
/// ```
/// # #[cfg(feature = "derive")] fn main() -> bpfmap::Result<()> {
/// use bpfmap::{BpfMap, Info, Map, MapFlags};
///
/// #[derive(BpfMap)]
/// #[bpf_map(hash, max_entries = 100, flags(no_prealloc))]
/// struct Counters {
///     key: u32,
///     value: u64,
/// }
///
/// let info: Info = Map::<Counters>::create()?.info()?;
/// assert_eq!((info.map_type, info.name.as_str()), (1, "counters"));
/// assert_eq!((info.key_size, info.value_size, info.max_entries), (4, 8, 100));
/// assert_eq!((info.flags, info.map_extra), (MapFlags::NO_PREALLOC, 0));
/// assert_eq!(info.created_flags(), MapFlags::NO_PREALLOC);
/// println!("map {}, with key and value in BTF {}:", info.id, info.btf_id);
/// println!("types {} and {}", info.btf_key_type_id, info.btf_value_type_id);
/// assert_eq!(info.btf_vmlinux_value_type_id, 0, "this is not a struct_ops map");
/// # Ok(()) }
/// # #[cfg(not(feature = "derive"))] fn main() {}
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Info {
    /// The number of the map type (`enum bpf_map_type`).
    pub map_type: u32,
    /// The id of the map, which is unique as long as the map exists: see
    /// [`Map::from_id`](crate::Map::from_id).
    pub id: u32,
    /// The size of a key in bytes.
    pub key_size: u32,
    /// The size of a value in bytes. In a per-CPU map, this is the size of one CPU's value.
    pub value_size: u32,
    /// The maximum number of entries in the map.
    pub max_entries: u32,
    /// The flags with which the map was created, except for flags of the descriptor
    /// ([`MapFlags::RDONLY`], [`MapFlags::WRONLY`]).
    pub flags: MapFlags,
    /// The first 15 bytes of the map's name.
    pub name: String,
    /// The id of the map's BTF, or 0 if the map has no BTF.
    pub btf_id: u32,
    /// The id of the key's type in the map's BTF, or 0 if the BTF does not describe the key.
    pub btf_key_type_id: u32,
    /// The id of the value's type in the map's BTF, or 0 if the BTF does not describe the value.
    pub btf_value_type_id: u32,
    /// For a `struct_ops` map, the id of the value's type in the BTF of the kernel or of a kernel
    /// module (Linux 5.6). For other maps, the number is 0.
    pub btf_vmlinux_value_type_id: u32,
    /// A number whose meaning depends on the map type (Linux 5.16). On older kernels, the number is
    /// 0.
    pub map_extra: u64,
}

impl Info {
    /// Returns the flags with which the map was created, without flags that the kernel adds to some
    /// map types, such as `BPF_F_RDONLY_PROG` for a `devmap`.
    #[must_use]
    pub fn created_flags(&self) -> MapFlags {
        MapType::by_number(self.map_type)
            .map_or(self.flags, |facts| self.flags.difference(added_flags(facts)))
    }

    /// Returns the information about the map of a descriptor. Fails with `EINVAL` if the descriptor
    /// does not belong to a map.
    pub(crate) fn of_map(fd: BorrowedFd<'_>) -> Result<Self, Errno> {
        is_map(fd)?;
        Self::of(fd)
    }

    /// Returns the information about an open map. The descriptor must belong to a map, because the
    /// kernel writes different information for other BPF objects.
    pub(crate) fn of(fd: BorrowedFd<'_>) -> Result<Self, Errno> {
        let mut raw = MapInfoRaw::default();
        // SAFETY: the struct contains only numbers, and none of them is an address.
        unsafe { object_info(fd, &mut raw) }?;
        let name_len = raw.name.iter().position(|&byte| byte == 0).unwrap_or(raw.name.len());
        Ok(Self {
            map_type: raw.map_type,
            id: raw.id,
            key_size: raw.key_size,
            value_size: raw.value_size,
            max_entries: raw.max_entries,
            flags: MapFlags::from_bits_retain(raw.map_flags),
            name: String::from_utf8_lossy(&raw.name[..name_len]).into_owned(),
            btf_id: raw.btf_id,
            btf_key_type_id: raw.btf_key_type_id,
            btf_value_type_id: raw.btf_value_type_id,
            btf_vmlinux_value_type_id: raw.btf_vmlinux_value_type_id,
            map_extra: raw.map_extra,
        })
    }
}

/// Fails with `EINVAL` for a descriptor that does not belong to a map. This check is needed because
/// `BPF_OBJ_GET_INFO_BY_FD` also accepts programs, links and BTF.
///
/// The check requests a batch of zero entries, which has no effect. For a map, this request
/// succeeds or fails with an errno other than `EINVAL`. Linux before 5.6 has no batch commands. On
/// these kernels, the check looks up a key at an invalid address. For a map, the result of this
/// lookup is `EFAULT` or, if the map has no keys, any errno except `EINVAL`.
fn is_map(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut attr =
        BatchAttr { map_fd: sys::fd_bits(fd.as_raw_fd()), count: 0, ..BatchAttr::default() };
    // SAFETY: with a count of 0 the kernel writes nothing but the count in the attribute itself.
    match unsafe { sys::bpf(Command::LookupBatch, &mut attr) } {
        Err(Errno(libc::EBADF)) => return Err(Errno(libc::EBADF)),
        Err(Errno(libc::EINVAL)) => {}
        _ => return Ok(()),
    }
    for key in [NOWHERE, 0] {
        let mut attr = ElementAttr {
            map_fd: sys::fd_bits(fd.as_raw_fd()),
            _pad: 0,
            key,
            value_or_next_key: NOWHERE,
            flags: 0,
        };
        // SAFETY: the kernel neither reads nor writes at a kernel address for user space (`EFAULT`).
        match unsafe { sys::bpf(Command::LookupElem, &mut attr) } {
            Err(Errno(libc::EINVAL)) => {}
            _ => return Ok(()),
        }
    }
    Err(Errno(libc::EINVAL))
}

/// An address in the range of the kernel. No process has memory at such an address.
const NOWHERE: u64 = u64::MAX;

/// Returns a descriptor for the object with an id.
pub(crate) fn by_id(command: Command, id: u32) -> Result<OwnedFd, Errno> {
    let mut attr = IdAttr { id, next_id: 0, open_flags: 0 };
    // SAFETY: the attribute has no address.
    let fd = unsafe { sys::bpf(command, &mut attr) }?;
    // SAFETY: the kernel just returned this new descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Returns the blob of a BTF object.
pub(crate) fn btf_blob(id: u32) -> Result<Vec<u8>, Errno> {
    let fd = by_id(Command::BtfGetFdById, id)?;
    let mut raw = BtfInfoRaw::default();
    // SAFETY: the struct contains only numbers. The address is null, and its size is 0 bytes.
    unsafe { object_info(fd.as_fd(), &mut raw) }?;
    let mut blob = vec![0; raw.btf_size as usize];
    let mut raw =
        BtfInfoRaw { btf: sys::address(blob.as_mut_ptr()), btf_size: raw.btf_size, id: 0 };
    // SAFETY: the blob has as many bytes as the info says.
    unsafe { object_info(fd.as_fd(), &mut raw) }?;
    Ok(blob)
}

/// Makes the kernel write its information about an object to `info`.
///
/// # Safety
/// Any bytes must be a valid `I`, and every address in `info` must be valid for the data that the
/// kernel writes there.
unsafe fn object_info<I>(fd: BorrowedFd<'_>, info: &mut I) -> Result<(), Errno> {
    let mut attr = InfoAttr {
        bpf_fd: sys::fd_bits(fd.as_raw_fd()),
        info_len: u32::try_from(size_of::<I>()).unwrap_or(u32::MAX),
        info: sys::address(core::ptr::from_mut(info)),
    };
    // SAFETY: the kernel writes at most `info_len` bytes to the info for any object. The caller promises the rest.
    unsafe { sys::bpf(Command::ObjGetInfoByFd, &mut attr) }.map(|_| ())
}
