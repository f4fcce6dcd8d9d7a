//! Descriptors of BPF objects that are not maps.

use crate::bpf_fs::BpfFs;
use crate::common::{self, errno};
use crate::programs::socket_filter;
use crate::spec;
use bpfmap::TypeDesc;
use bpfmap::{LiveMap, Map, MapSpec, verify};
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

spec!(Counts: Array, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 4);
spec!(Waiting: Queue, () as TypeDesc::VOID => u64 as TypeDesc::U64, max 4);
spec!(Stacks: StackTrace, u32 as TypeDesc::U32 => [u64; 4] as &TypeDesc::Opaque { size: 32 }, max 4,
    btf = false);

/// Pins any BPF object.
fn pin(object: BorrowedFd<'_>, path: &Path) {
    #[repr(C)]
    struct Attr {
        path: u64,
        fd: u32,
        flags: u32,
    }
    const OBJ_PIN: std::ffi::c_long = 6;
    let path = CString::new(path.to_str().unwrap()).unwrap();
    let attr = Attr {
        path: path.as_ptr().expose_provenance() as u64,
        fd: common::fd_bits(&object),
        flags: 0,
    };
    // SAFETY: the path ends with a zero and is only read.
    let pinned = unsafe {
        libc::syscall(libc::SYS_bpf, OBJ_PIN, core::ptr::from_ref(&attr), size_of::<Attr>())
    };
    assert_eq!(pinned, 0, "{}", std::io::Error::last_os_error());
}

/// The kernel also returns information about a program, and the first numbers of this information
/// can look like those of a map.
#[test]
fn a_program_is_not_mistaken_for_a_map() {
    let fs = BpfFs::mount("live");
    let program = socket_filter();
    pin(program.as_fd(), &fs.path("program"));
    assert_eq!(errno(LiveMap::from_pinned(fs.path("program"))), libc::EINVAL);
    let declared = Counts::DEF;
    assert_eq!(errno(verify::live(&declared, program.as_fd())), libc::EINVAL);
    let opened = Map::<Counts>::from_map(&program);
    assert!(
        opened.as_ref().unwrap_err().to_string().contains("does not belong to a map"),
        "{opened:?}"
    );
    assert_eq!(errno(opened), libc::EINVAL);

    let file = std::fs::File::open("/proc/self/exe").unwrap();
    assert_eq!(errno(Map::<Counts>::from_map(&file)), libc::EINVAL);
}

/// These map types have keys or no keys, and batches or no batches. A different result of the check
/// identifies each of them as a map.
#[test]
fn maps_of_all_types_are_recognised_as_maps() {
    let fs = BpfFs::mount("live");
    common::create::<Counts>().pin(fs.path("array")).unwrap();
    common::create::<Waiting>().pin(fs.path("queue")).unwrap();
    common::create::<Stacks>().pin(fs.path("stacks")).unwrap();
    for (name, number) in [("array", 2), ("queue", 22), ("stacks", 7)] {
        let map = LiveMap::from_pinned(fs.path(name)).unwrap();
        assert_eq!(map.info().map_type, number, "{name}");
    }
}
