//! Steps for arrays of cgroups: a program tests whether a packet's socket belongs to the cgroup
//! that user space stored.

use std::os::fd::AsFd as _;

use crate::handle::HoldCgroups;
use crate::program::program_of;
use crate::{Cgroup2, Fixture, index};

/// Checks what a program returns for the cgroup that user space stored in the map.
pub(crate) fn tells_the_cgroup_that_user_space_says(fixture: &Fixture, map: &impl HoldCgroups) {
    let ask = program_of("ask", map.name());
    let hierarchy = Cgroup2::mount();
    let other = hierarchy.make("bpfmap-other");
    let last = map.max_entries() - 1;
    let key = index(last);
    assert_eq!(fixture.run(&ask, last), -libc::EAGAIN, "an empty slot");
    assert_eq!(fixture.run(&ask, last + 1), -libc::E2BIG, "an index out of range");

    map.set_cgroup(&key, other.open().as_fd());
    assert_eq!(fixture.run(&ask, last), 0, "a cgroup without processes");
    map.set_cgroup(&key, hierarchy.root().as_fd());
    assert_eq!(fixture.run(&ask, last), 1, "the root cgroup");
    assert!(map.delete(&key), "the cgroup was in the map");
    assert_eq!(fixture.run(&ask, last), -libc::EAGAIN, "a slot that was emptied");
}
