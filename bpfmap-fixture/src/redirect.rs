//! Steps for redirected packets: a program redirects them to the destination that user space
//! stored.

use std::os::fd::AsFd as _;

use crate::entry::last_index;
use crate::handle::{Delete, Handle, HoldCpus, HoldInterfaces, HoldSockets};
use crate::network_objects::xdp_socket;
use crate::program::program_of;
use crate::{Fixture, index};
use bpfmap::{CpuQueueSize, InterfaceIndex};
use bpfmap_core::map_type::KeyRule;

/// Checks that a program redirects packets to an interface, and that it reads the index of the
/// interface.
pub(crate) fn redirects_to_an_interface(fixture: &Fixture, map: &impl HoldInterfaces) {
    let key = key(map);
    let lo = InterfaceIndex::from_name("lo").expect("each network namespace has lo");
    let read = program_of("read", map.name());
    assert_eq!(fixture.run(&read, key), 0, "the index under key {key}, at first");
    redirects(
        fixture,
        map,
        key,
        |key| map.set_interface(key, lo),
        || {
            let index = u32::try_from(fixture.run(&read, key));
            assert_eq!(index, Ok(lo.get()), "the index under key {key}");
        },
    );
}

/// Checks that a program redirects packets to a CPU.
pub(crate) fn redirects_to_a_cpu(fixture: &Fixture, map: &impl HoldCpus) {
    const QUEUE: CpuQueueSize = CpuQueueSize::new(64).unwrap();
    // Every machine has a CPU with the number 0.
    redirects(fixture, map, 0, |key| map.set_cpu(key, QUEUE), || {});
}

/// Checks that a program redirects packets to an `AF_XDP` socket.
pub(crate) fn redirects_to_an_xdp_socket(fixture: &Fixture, map: &impl HoldSockets) {
    let socket = xdp_socket(true);
    redirects(fixture, map, key(map), |key| map.set_socket(key, socket.as_fd()), || {});
}

/// Checks that a program redirects packets as long as the map contains an object under the key.
/// `set` inserts the object, and user space deletes it.
fn redirects(
    fixture: &Fixture,
    map: &impl Delete,
    key: u32,
    set: impl FnOnce(&[u8]),
    then: impl FnOnce(),
) {
    let program = program_of("redirect", map.name());
    assert_eq!(fixture.run(&program, key), XDP_PASS, "where nothing is under key {key}");
    set(&index(key));
    assert_eq!(fixture.run(&program, key), XDP_REDIRECT, "where something is under key {key}");
    assert_eq!(fixture.run(&program, key ^ 1), XDP_PASS, "where nothing is under another key");
    then();
    assert!(map.delete(&index(key)), "something is under key {key}");
    assert_eq!(fixture.run(&program, key), XDP_PASS, "where key {key} was deleted");
}

/// Returns the key that the test uses. If keys are arbitrary numbers, this key is greater than the
/// `max_entries` of any map.
fn key(map: &impl Handle) -> u32 {
    if map.row().key == KeyRule::Number { u32::MAX } else { last_index(map.def()) }
}

/// The result that the program requests if there is no destination. Source: `enum xdp_action`.
const XDP_PASS: i32 = 2;
const XDP_REDIRECT: i32 = 4;
