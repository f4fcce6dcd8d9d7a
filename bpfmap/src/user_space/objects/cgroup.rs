//! Cgroups, the entries of a `cgroup_array`.

use super::descriptor;
use crate::kind::{CgroupArray, HoldObjects};
use crate::spec::MapSpec;
use std::os::fd::{AsFd, BorrowedFd};

/// A borrowed descriptor of a cgroup, which you can store in a [`CgroupArray`].
///
/// ```no_run
/// # fn f<Gates: bpfmap::MapSpec<Key = u32, Kind = bpfmap::kind::CgroupArray>>(gates: &bpfmap::Map<Gates>) -> Result<(), Box<dyn std::error::Error>> {
/// use std::os::fd::AsFd;
///
/// let directory = std::fs::File::open("/sys/fs/cgroup/system.slice")?;
/// gates.set(&0, bpfmap::CgroupFd::new(directory.as_fd()))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CgroupFd<'a>(BorrowedFd<'a>);

impl<'a> CgroupFd<'a> {
    /// Wraps an open directory of a cgroup2 file system. With any other descriptor,
    /// [`set`](crate::Map::set) fails with `EBADF`.
    #[must_use]
    pub const fn new(directory: BorrowedFd<'a>) -> Self {
        Self(directory)
    }
}

impl AsFd for CgroupFd<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0
    }
}

impl<S: MapSpec> crate::kind::objects::Held<S> for CgroupArray {}

impl<S: MapSpec> HoldObjects<S> for CgroupArray {
    type Object<'a> = CgroupFd<'a>;

    fn to_kernel(cgroup: &CgroupFd<'_>) -> [u8; 8] {
        descriptor(cgroup.0)
    }

    fn refusal(errno: i32) -> Option<&'static str> {
        (errno == libc::EBADF)
            .then_some("the descriptor is not a directory of a cgroup2 file system")
    }
}
