//! Redirected packets: a program sends them where user space says.

use crate::entry::last_index;
use crate::network_objects::xdp_socket;
use crate::program::program_of;
use crate::{Fixture, index};
use bpfmap::kind::{DeleteElement, HoldObjects, Kind as _};
use bpfmap::{CpuQueueSize, InterfaceIndex, MapSpec, Object, SocketFd};
use bpfmap_core::map_type::KeyRule;

impl Fixture {
    /// Asserts that a program redirects to an interface, and reads its index, from when user space
    /// puts it under the key until user space deletes it.
    ///
    /// # Panics
    ///
    /// When the program answers otherwise, or the kernel refuses something.
    pub fn redirects_to_an_interface<S>(&self)
    where
        S: MapSpec,
        S::Kind: HoldObjects<S> + DeleteElement,
        for<'a> InterfaceIndex: Into<Object<'a, S>>,
    {
        let key = key::<S>();
        let lo = InterfaceIndex::from_name("lo").expect("each network namespace has lo");
        let read = program_of("read", S::DEF.name);
        assert_eq!(self.run(&read, key), 0, "the index under key {key}, at first");
        self.redirects::<S>(key, lo, || {
            let index = u32::try_from(self.run(&read, key));
            assert_eq!(index, Ok(lo.get()), "the index under key {key}");
        });
    }

    /// Asserts that a program redirects to a CPU from when user space puts its queue into the map
    /// until user space deletes it.
    ///
    /// # Panics
    ///
    /// As [`Self::redirects_to_an_interface`].
    pub fn redirects_to_a_cpu<S>(&self)
    where
        S: MapSpec,
        S::Kind: HoldObjects<S> + DeleteElement,
        for<'a> CpuQueueSize: Into<Object<'a, S>>,
    {
        const QUEUE: CpuQueueSize = CpuQueueSize::new(64).unwrap();
        // Each machine has this CPU.
        self.redirects::<S>(0, QUEUE, || {});
    }

    /// Asserts that a program redirects to an `AF_XDP` socket from when user space puts it under the
    /// key until user space deletes it.
    ///
    /// # Panics
    ///
    /// As [`Self::redirects_to_an_interface`].
    pub fn redirects_to_an_xdp_socket<S>(&self)
    where
        S: MapSpec,
        S::Kind: for<'a> HoldObjects<S, Object<'a> = SocketFd<'a>> + DeleteElement,
    {
        self.redirects::<S>(key::<S>(), &xdp_socket(true), || {});
    }

    fn redirects<'a, S>(&self, key: u32, object: impl Into<Object<'a, S>>, then: impl FnOnce())
    where
        S: MapSpec,
        S::Kind: HoldObjects<S> + DeleteElement,
    {
        let program = program_of("redirect", S::DEF.name);
        let map = self.map::<S>();
        assert_eq!(self.run(&program, key), XDP_PASS, "where nothing is under key {key}");
        map.set(&index(key), object).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(self.run(&program, key), XDP_REDIRECT, "where something is under key {key}");
        assert_eq!(self.run(&program, key ^ 1), XDP_PASS, "where nothing is under another key");
        then();
        assert!(map.delete(&index(key)).unwrap_or_else(|error| panic!("{error}")));
        assert_eq!(self.run(&program, key), XDP_PASS, "where key {key} was deleted");
    }
}

/// The key that is used: of numbers one that is larger than any count of entries.
fn key<S: MapSpec>() -> u32 {
    if S::Kind::FACTS.key == KeyRule::Number { u32::MAX } else { last_index::<S>() }
}

/// `enum xdp_action`: the program asks for it where there is nowhere to redirect to.
const XDP_PASS: i32 = 2;
const XDP_REDIRECT: i32 = 4;
