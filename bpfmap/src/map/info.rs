//! What the kernel says of a map.

use crate::kind::KindFacts;
use crate::spec::MapFlags;
use crate::sys::{self, BtfInfoRaw, Command, Errno, IdAttr, InfoAttr, MapInfoRaw};
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
        KindFacts::by_number(self.map_type)
            .map_or(self.flags, |facts| self.flags.difference(facts.added_flags))
    }

    /// Of an open map.
    pub(crate) fn of(fd: BorrowedFd<'_>) -> Result<Self, Errno> {
        let mut raw = MapInfoRaw::default();
        object_info(fd, &mut raw)?;
        let name_len = raw.name.iter().position(|&byte| byte == 0).unwrap_or(raw.name.len());
        Ok(Self {
            map_type: raw.map_type,
            id: raw.id,
            key_size: raw.key_size,
            value_size: raw.value_size,
            max_entries: raw.max_entries,
            flags: MapFlags(raw.map_flags),
            name: String::from_utf8_lossy(&raw.name[..name_len]).into_owned(),
            btf_id: raw.btf_id,
            btf_key_type_id: raw.btf_key_type_id,
            btf_value_type_id: raw.btf_value_type_id,
            btf_vmlinux_value_type_id: raw.btf_vmlinux_value_type_id,
            map_extra: raw.map_extra,
        })
    }
}

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
    object_info(fd.as_fd(), &mut raw)?;
    let mut blob = vec![0; raw.btf_size as usize];
    let mut raw =
        BtfInfoRaw { btf: sys::address(blob.as_mut_ptr()), btf_size: raw.btf_size, id: 0 };
    object_info(fd.as_fd(), &mut raw)?;
    Ok(blob)
}

/// `I` is one of the kernel's info structs, and any address in it is good for what the kernel writes there.
fn object_info<I>(fd: BorrowedFd<'_>, info: &mut I) -> Result<(), Errno> {
    let mut attr = InfoAttr {
        bpf_fd: sys::fd_bits(fd.as_raw_fd()),
        info_len: u32::try_from(size_of::<I>()).unwrap_or(u32::MAX),
        info: sys::address(core::ptr::from_mut(info)),
    };
    // SAFETY: the kernel writes at most `info_len` bytes, and to the blob of `btf_blob` at most `btf_size`.
    unsafe { sys::bpf(Command::ObjGetInfoByFd, &mut attr) }.map(|_| ())
}
