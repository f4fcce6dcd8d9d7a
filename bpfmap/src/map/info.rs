//! What the kernel says of a map.

use crate::kind::{MapType, added_flags};
use crate::sys::{
    self, BatchAttr, BtfInfoRaw, Command, ElementAttr, Errno, IdAttr, InfoAttr, MapInfoRaw,
};
use bpfmap_core::MapFlags;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// What the kernel says of a map (`struct bpf_map_info`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// The number of the map type (`enum bpf_map_type`).
    pub map_type: u32,
    /// The id, unique while the map lives: see [`Map::from_id`](crate::Map::from_id).
    pub id: u32,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value; of a per-CPU map, of one CPU's.
    pub value_size: u32,
    /// How many entries the map can hold.
    pub max_entries: u32,
    /// The flags of its creation, without those that belong to a descriptor
    /// ([`MapFlags::RDONLY`], [`MapFlags::WRONLY`]).
    pub flags: MapFlags,
    /// The first 15 bytes of its name.
    pub name: String,
    /// The id of its BTF; 0: it has none.
    pub btf_id: u32,
    /// The type of a key in that BTF; 0: none.
    pub btf_key_type_id: u32,
    /// The type of a value in that BTF; 0: none.
    pub btf_value_type_id: u32,
    /// Of a struct of programs, the type of its value in the kernel's own BTF, or in that of a module (Linux 5.6);
    /// 0: another map.
    pub btf_vmlinux_value_type_id: u32,
    /// What the map type takes it for (Linux 5.16); 0 before.
    pub map_extra: u64,
}

impl Info {
    /// The flags that the map was created with: without the one that the kernel adds to some map types by itself, such
    /// as `BPF_F_RDONLY_PROG` to a `devmap`.
    #[must_use]
    pub fn created_flags(&self) -> MapFlags {
        MapType::by_number(self.map_type)
            .map_or(self.flags, |facts| self.flags.difference(added_flags(facts)))
    }

    /// Of a descriptor of which it isn't known that it is a map's.
    pub(crate) fn of_map(fd: BorrowedFd<'_>) -> Result<Self, Errno> {
        is_map(fd)?;
        Self::of(fd)
    }

    /// Of an open map. Of another BPF object the kernel would write what it has to say of that.
    pub(crate) fn of(fd: BorrowedFd<'_>) -> Result<Self, Errno> {
        let mut raw = MapInfoRaw::default();
        // SAFETY: numbers, none of them an address.
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

/// Fails with `EINVAL` for a descriptor that is no map's: `BPF_OBJ_GET_INFO_BY_FD` takes those of programs, links and BTF
/// too.
///
/// Asks for a batch of no entries, which every map refuses with another errno or answers with success, and which touches
/// nothing. Before Linux 5.6 there are no batches: then a look-up of a key at an address where nothing lies tells, which
/// on a map is `EFAULT`, or, without keys, anything but `EINVAL`.
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
        // SAFETY: the kernel neither reads nor writes at an address of its own for user space (`EFAULT`).
        match unsafe { sys::bpf(Command::LookupElem, &mut attr) } {
            Err(Errno(libc::EINVAL)) => {}
            _ => return Ok(()),
        }
    }
    Err(Errno(libc::EINVAL))
}

/// An address that is the kernel's, where no process has memory.
const NOWHERE: u64 = u64::MAX;

/// A descriptor of an object by its id.
pub(crate) fn by_id(command: Command, id: u32) -> Result<OwnedFd, Errno> {
    let mut attr = IdAttr { id, next_id: 0, open_flags: 0 };
    // SAFETY: the attribute has no address.
    let fd = unsafe { sys::bpf(command, &mut attr) }?;
    // SAFETY: the kernel just made it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The blob of a BTF object.
pub(crate) fn btf_blob(id: u32) -> Result<Vec<u8>, Errno> {
    let fd = by_id(Command::BtfGetFdById, id)?;
    let mut raw = BtfInfoRaw::default();
    // SAFETY: numbers; the address is null, and the room there 0 bytes.
    unsafe { object_info(fd.as_fd(), &mut raw) }?;
    let mut blob = vec![0; raw.btf_size as usize];
    let mut raw =
        BtfInfoRaw { btf: sys::address(blob.as_mut_ptr()), btf_size: raw.btf_size, id: 0 };
    // SAFETY: the blob has as many bytes as the info says.
    unsafe { object_info(fd.as_fd(), &mut raw) }?;
    Ok(blob)
}

/// Has the kernel write what it says of an object.
///
/// # Safety
/// Any bytes are an `I`, and any address in it is good for what the kernel writes there.
unsafe fn object_info<I>(fd: BorrowedFd<'_>, info: &mut I) -> Result<(), Errno> {
    let mut attr = InfoAttr {
        bpf_fd: sys::fd_bits(fd.as_raw_fd()),
        info_len: u32::try_from(size_of::<I>()).unwrap_or(u32::MAX),
        info: sys::address(core::ptr::from_mut(info)),
    };
    // SAFETY: the kernel writes at most `info_len` bytes to the info, whatever the object is; the rest is the caller's
    // promise.
    unsafe { sys::bpf(Command::ObjGetInfoByFd, &mut attr) }.map(|_| ())
}
