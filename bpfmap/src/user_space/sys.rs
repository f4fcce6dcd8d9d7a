//! The bpf(2) system call, its commands, the attributes of the commands, and its errors.

use core::ffi::{c_int, c_long, c_void};
use std::os::fd::{AsRawFd as _, BorrowedFd};

/// An errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Errno(pub i32);

/// The kernel's internal "not supported" (`include/linux/errno.h`). The crate libc has no constant
/// for this errno, but map operations return it to user space.
pub(crate) const ENOTSUPP: i32 = bpfmap_core::Errno::ENOTSUPP.0;

/// Commands (`enum bpf_cmd`).
#[derive(Clone, Copy)]
#[repr(i32)]
pub(crate) enum Command {
    MapCreate = 0,
    LookupElem = 1,
    UpdateElem = 2,
    DeleteElem = 3,
    GetNextKey = 4,
    ObjPin = 6,
    ObjGet = 7,
    MapGetNextId = 12,
    MapGetFdById = 14,
    ObjGetInfoByFd = 15,
    BtfLoad = 18,
    BtfGetFdById = 19,
    LookupAndDeleteElem = 21,
    MapFreeze = 22,
    LookupBatch = 24,
    LookupAndDeleteBatch = 25,
    UpdateBatch = 26,
    DeleteBatch = 27,
}

/// The attribute of the commands on one element. If a command passes fewer bytes, the kernel treats
/// the missing bytes as zero. For example, a deletion passes only 16 bytes.
#[repr(C)]
pub(crate) struct ElementAttr {
    pub map_fd: u32,
    pub _pad: u32,
    pub key: u64,
    pub value_or_next_key: u64,
    pub flags: u64,
}

/// The attribute of `BPF_MAP_DELETE_ELEM`.
#[repr(C)]
pub(crate) struct DeleteAttr {
    pub map_fd: u32,
    pub _pad: u32,
    pub key: u64,
}

/// The attribute of the batch commands.
#[repr(C)]
#[derive(Default)]
pub(crate) struct BatchAttr {
    pub in_batch: u64,
    pub out_batch: u64,
    pub keys: u64,
    pub values: u64,
    pub count: u32,
    pub map_fd: u32,
    pub elem_flags: u64,
    pub flags: u64,
}

/// The attribute of `BPF_MAP_CREATE`, up to `map_extra`.
#[repr(C)]
#[derive(Default)]
pub(crate) struct CreateAttr {
    pub map_type: u32,
    pub key_size: u32,
    pub value_size: u32,
    pub max_entries: u32,
    pub map_flags: u32,
    pub inner_map_fd: u32,
    pub numa_node: u32,
    pub map_name: [u8; 16],
    pub map_ifindex: u32,
    pub btf_fd: u32,
    pub btf_key_type_id: u32,
    pub btf_value_type_id: u32,
    pub btf_vmlinux_value_type_id: u32,
    pub map_extra: u64,
}

/// The attribute of `BPF_OBJ_PIN` and `BPF_OBJ_GET`.
#[repr(C)]
pub(crate) struct PathAttr {
    pub pathname: u64,
    pub bpf_fd: u32,
    pub file_flags: u32,
}

/// The attribute of `BPF_*_GET_FD_BY_ID`.
#[repr(C)]
pub(crate) struct IdAttr {
    pub id: u32,
    pub next_id: u32,
    pub open_flags: u32,
}

/// The attribute of `BPF_OBJ_GET_INFO_BY_FD`.
#[repr(C)]
pub(crate) struct InfoAttr {
    pub bpf_fd: u32,
    pub info_len: u32,
    pub info: u64,
}

/// The attribute of `BPF_BTF_LOAD`.
#[repr(C)]
pub(crate) struct BtfLoadAttr {
    pub btf: u64,
    pub log_buf: u64,
    pub btf_size: u32,
    pub log_size: u32,
    pub log_level: u32,
    pub _pad: u32,
}

/// The attribute of `BPF_MAP_FREEZE`.
#[repr(C)]
pub(crate) struct FdAttr {
    pub map_fd: u32,
}

/// `struct bpf_map_info`, up to `map_extra`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct MapInfoRaw {
    pub map_type: u32,
    pub id: u32,
    pub key_size: u32,
    pub value_size: u32,
    pub max_entries: u32,
    pub map_flags: u32,
    pub name: [u8; 16],
    pub ifindex: u32,
    pub btf_vmlinux_value_type_id: u32,
    pub netns_dev: u64,
    pub netns_ino: u64,
    pub btf_id: u32,
    pub btf_key_type_id: u32,
    pub btf_value_type_id: u32,
    pub btf_vmlinux_id: u32,
    pub map_extra: u64,
}

/// `struct bpf_btf_info`, up to `id`.
#[repr(C)]
#[derive(Default)]
pub(crate) struct BtfInfoRaw {
    pub btf: u64,
    pub btf_size: u32,
    pub id: u32,
}

/// Converts a descriptor for an attribute.
#[inline]
#[allow(clippy::cast_sign_loss)] // An open descriptor isn't negative.
pub(crate) fn fd_bits(fd: std::os::fd::RawFd) -> u32 {
    fd as u32
}

/// Converts an address for an attribute.
#[inline]
pub(crate) fn address<T>(pointer: *const T) -> u64 {
    pointer.expose_provenance() as u64
}

/// Makes the system call.
///
/// # Safety
/// Every address in the attribute must be valid for all bytes that the command reads or writes
/// there.
#[inline]
pub(crate) unsafe fn bpf<A>(command: Command, attr: &mut A) -> Result<c_int, Errno> {
    // SAFETY: the attribute has this size. The caller promises the rest.
    let result: c_long = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command as c_int,
            core::ptr::from_mut(attr).cast::<c_void>(),
            size_of::<A>(),
        )
    };
    // The call returns an `int`: a descriptor, or 0.
    #[allow(clippy::cast_possible_truncation)]
    if result < 0 { Err(last_errno()) } else { Ok(result as c_int) }
}

/// Runs a command on one element of a map. The caller does not need to know the types of the key
/// and the value, but only their sizes. The kernel reads the key, whose pointer may be null, and
/// reads or writes the value or the next key.
///
/// # Safety
/// `key` must be null or point to a key of the map's size, and `value` must point to all bytes that
/// the command reads or writes.
pub(crate) unsafe fn element(
    command: Command,
    map: BorrowedFd<'_>,
    key: *const u8,
    value: *mut u8,
) -> Result<(), Errno> {
    let mut attr = ElementAttr {
        map_fd: fd_bits(map.as_raw_fd()),
        _pad: 0,
        key: address(key),
        value_or_next_key: address(value.cast_const()),
        flags: 0,
    };
    // SAFETY: the caller promises this.
    unsafe { bpf(command, &mut attr) }.map(|_| ())
}

/// Returns the errno of this thread's last failed system call.
#[inline]
pub(crate) fn last_errno() -> Errno {
    // SAFETY: the address of this thread's errno is always valid.
    Errno(unsafe { *libc::__errno_location() })
}
