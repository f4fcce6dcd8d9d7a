//! Cgroups: a program tells whether a packet's socket is under the one that user space named.

use std::os::fd::AsFd as _;

use crate::program::program_of;
use crate::{Cgroup2, Fixture, index};
use bpfmap::kind::{DeleteElement, HoldObjects};
use bpfmap::{CgroupFd, MapSpec};

impl Fixture {
    /// Asserts that a program finds the test's own socket under the root cgroup and not under another, and is told
    /// when a slot is empty or there is none.
    ///
    /// # Panics
    ///
    /// When it is told otherwise, or the kernel refuses something.
    pub fn tells_the_cgroup_that_user_space_says<S>(&self)
    where
        S: MapSpec,
        S::Kind: for<'a> HoldObjects<S, Object<'a> = CgroupFd<'a>> + DeleteElement,
    {
        let ask = program_of("ask", S::DEF.name);
        let map = self.map::<S>();
        let hierarchy = Cgroup2::mount();
        let other = hierarchy.make("bpfmap-other");
        let last = map.max_entries() - 1;
        let key = index(last);
        assert_eq!(self.run(&ask, last), -libc::EAGAIN, "an empty slot");
        assert_eq!(self.run(&ask, last + 1), -libc::E2BIG, "an index out of range");

        let set = |cgroup: &std::fs::File| {
            map.set(&key, CgroupFd::new(cgroup.as_fd())).unwrap_or_else(|error| panic!("{error}"));
        };
        set(&other.open());
        assert_eq!(self.run(&ask, last), 0, "a cgroup that nothing is in");
        set(&hierarchy.root());
        assert_eq!(self.run(&ask, last), 1, "the root cgroup");
        assert!(map.delete(&key).unwrap_or_else(|error| panic!("{error}")), "it was there");
        assert_eq!(self.run(&ask, last), -libc::EAGAIN, "a slot that was emptied");
    }
}
