//! Cgroups in a `cgroup_array`.

use crate::common::{self, DELETE, ENOTSUPP, LOOKUP, TAKE, UPDATE, bare, errno};
use crate::spec;
use bpfmap::TypeDesc;
use bpfmap::{CgroupFd, Map};
use std::ffi::CString;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

spec!(Gates: CgroupArray, u32 as TypeDesc::U32 => u32 as TypeDesc::U32, max 4);

/// The root of the cgroup2 hierarchy, mounted on a separate folder.
pub(crate) struct Cgroup2(PathBuf);

impl Cgroup2 {
    pub(crate) fn mount(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("bpfmap-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let target = CString::new(folder.as_os_str().as_bytes()).unwrap();
        // SAFETY: the strings end with a zero, and no data is passed.
        let mounted = unsafe {
            libc::mount(
                c"cgroup2".as_ptr(),
                target.as_ptr(),
                c"cgroup2".as_ptr(),
                0,
                core::ptr::null(),
            )
        };
        assert_eq!(mounted, 0, "{}", std::io::Error::last_os_error());
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Cgroup2 {
    fn drop(&mut self) {
        let target = CString::new(self.0.as_os_str().as_bytes()).unwrap();
        // SAFETY: the string ends with a zero.
        unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) };
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[test]
fn a_cgroup_can_be_stored_in_a_slot() {
    let gates: Map<Gates> = common::create();
    let hierarchy = Cgroup2::mount("slot");
    let root = File::open(&hierarchy.0).unwrap();
    gates.set(&1, CgroupFd::new(root.as_fd())).unwrap();
    gates.set(&1, CgroupFd::new(root.as_fd())).unwrap();
    assert_eq!(errno(gates.set(&4, CgroupFd::new(root.as_fd()))), libc::E2BIG);
    let keys: Vec<u32> = gates.keys().collect::<Result<_, _>>().unwrap();
    assert_eq!(keys, [0, 1, 2, 3], "each slot is a key, even an empty slot");

    assert!(gates.delete(&1).unwrap());
    assert!(!gates.delete(&1).unwrap(), "an empty slot");
    assert_eq!(errno(gates.delete(&4)), libc::E2BIG);
    gates.set(&0, CgroupFd::new(root.as_fd())).unwrap();
    assert_eq!(gates.clear().unwrap(), 1);
}

#[test]
fn a_descriptor_that_is_not_a_cgroup_is_refused() {
    let gates: Map<Gates> = common::create();
    for path in ["/", "/proc/self/exe"] {
        let file = File::open(path).unwrap();
        let error = gates.set(&0, CgroupFd::new(file.as_fd())).unwrap_err();
        assert_eq!(error.errno(), Some(libc::EBADF), "{path}: {error}");
        assert!(error.to_string().contains("cgroup2"), "{error}");
    }
}

#[test]
fn the_kernel_refuses_operations_that_the_handle_lacks() {
    let gates: Map<Gates> = common::create();
    for flags in [1, 2, 3, 1 << 40] {
        assert_eq!(bare(&gates, UPDATE, Some(4), flags), libc::EINVAL, "flags {flags}");
    }
    assert_eq!(bare(&gates, LOOKUP, Some(0), 0), ENOTSUPP, "entries can't be read");
    assert_eq!(bare(&gates, DELETE, Some(0), 0), libc::ENOENT);
    assert_eq!(bare(&gates, TAKE, Some(0), 0), ENOTSUPP);
}
