//! Maps whose entries are interfaces, CPUs and sockets.

use crate::common::{LOOKUP, UPDATE, bare, create, errno, kernel};
use crate::network_objects::{
    CPUMAP_PROGRAM, DEVMAP_PROGRAM, PLAIN_PROGRAM, reuseport_socket, tcp_pair, unbound_udp_socket,
    xdp_program, xdp_socket,
};
use crate::spec;
use bpfmap::TypeDesc;
use bpfmap::{
    CpuQueue, CpuQueueSize, Device, InterfaceIndex, Map, MapFlags, MapSpec, ProgramFd, ProgramId,
    Result, SocketCookie,
};
use std::net::UdpSocket;
use std::os::fd::{AsFd, OwnedFd};

spec!(Ports: Devmap, u32 as TypeDesc::U32 => u32 as TypeDesc::U32, max 2);
spec!(Filtered: Devmap, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 2);
spec!(PortsByIndex: DevmapHash, u32 as TypeDesc::U32 => u32 as TypeDesc::U32, max 1);
spec!(FilteredByIndex: DevmapHash, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 1);
spec!(Cpus: Cpumap, u32 as TypeDesc::U32 => u32 as TypeDesc::U32, max 2);
spec!(CpusFiltered: Cpumap, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 2);
spec!(Xsks: Xskmap, u32 as TypeDesc::U32 => u32 as TypeDesc::U32, max 2);
spec!(Peers: Sockmap, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 2);
spec!(PeersUnread: Sockmap, u32 as TypeDesc::U32 => u32 as TypeDesc::U32, max 2);
spec!(Flows: Sockhash, u64 as TypeDesc::U64 => u64 as TypeDesc::U64, max 1);
spec!(Workers: ReuseportSockarray, u32 as TypeDesc::U32 => u64 as TypeDesc::U64, max 2);

const QUEUE: CpuQueueSize = CpuQueueSize::new(192).unwrap();

fn lo() -> InterfaceIndex {
    InterfaceIndex::from_name("lo").unwrap()
}

/// Returns an index that no interface has.
fn absent() -> InterfaceIndex {
    InterfaceIndex::new(i32::MAX.unsigned_abs()).unwrap()
}

#[test]
fn a_devmap_returns_the_stored_index() {
    let map = create::<Ports>();
    assert_eq!(map.get(&0).unwrap(), None);
    map.set(&0, lo()).unwrap();
    map.set(&0, lo()).unwrap();
    assert_eq!(map.get(&0).unwrap(), Some(lo()));
    assert_eq!(map.get(&2).unwrap(), None, "out of range");
    assert_eq!(errno(map.set(&2, lo())), libc::E2BIG);
    assert_eq!(errno(map.set(&1, absent())), libc::EINVAL);
    assert!(map.delete(&0).unwrap());
    assert_eq!(map.get(&0).unwrap(), None);
    assert!(map.delete(&0).unwrap(), "the kernel does not report that the slot was empty");
    assert_eq!(errno(map.delete(&2)), libc::EINVAL);
    assert_eq!(
        map.keys().collect::<Result<Vec<_>>>().unwrap(),
        [0, 1],
        "both filled and empty slots are keys"
    );
}

#[test]
fn a_devmap_returns_the_program_of_an_interface() {
    let map = create::<Filtered>();
    let program = xdp_program(DEVMAP_PROGRAM);
    map.set(&0, lo()).unwrap();
    let shown = map.get(&0).unwrap().unwrap();
    assert_eq!((shown.interface, shown.program), (lo(), None));
    map.set(&0, Device::with_program(lo(), borrowed(&program))).unwrap();
    let shown = map.get(&0).unwrap().unwrap();
    assert_eq!(shown.interface, lo());
    assert!(shown.program.is_some_and(|id| id.get() > 0));
    let plain = xdp_program(PLAIN_PROGRAM);
    let refused = map.set(&0, Device::with_program(lo(), borrowed(&plain)));
    assert_eq!(errno(refused), libc::EINVAL);
}

#[test]
fn a_devmap_hash_accepts_any_number_as_key() {
    let map = create::<PortsByIndex>();
    assert!(map.set_new(&u32::MAX, lo()).unwrap());
    assert!(!map.set_new(&u32::MAX, lo()).unwrap());
    map.set(&u32::MAX, lo()).unwrap();
    assert_eq!(map.get(&u32::MAX).unwrap(), Some(lo()));
    assert_eq!(errno(map.set(&0, lo())), libc::E2BIG, "full");
    assert_eq!(map.keys().collect::<Result<Vec<_>>>().unwrap(), [u32::MAX]);
    assert_eq!(errno(map.set(&u32::MAX, absent())), libc::EINVAL);
    assert!(map.delete(&u32::MAX).unwrap());
    assert!(!map.delete(&u32::MAX).unwrap());

    let map = create::<FilteredByIndex>();
    let program = xdp_program(DEVMAP_PROGRAM);
    map.set(&7, Device::with_program(lo(), borrowed(&program))).unwrap();
    let shown = map.get(&7).unwrap().unwrap();
    assert_eq!(shown.interface, lo());
    assert!(shown.program.is_some());
}

#[test]
fn a_cpumap_returns_the_queue_and_its_program() {
    let map = create::<Cpus>();
    assert_eq!(map.get(&0).unwrap(), None);
    map.set(&0, QUEUE).unwrap();
    assert_eq!(map.get(&0).unwrap(), Some(QUEUE));
    assert_eq!(errno(map.set(&2, QUEUE)), libc::E2BIG);
    assert!(map.delete(&0).unwrap());
    assert!(map.delete(&0).unwrap(), "the kernel does not report that the slot was empty");
    assert_eq!(errno(map.delete(&2)), libc::EINVAL);

    let map = create::<CpusFiltered>();
    map.set(&0, QUEUE).unwrap();
    let shown = map.get(&0).unwrap().unwrap();
    assert_eq!((shown.size, shown.program), (QUEUE, None));
    let program = xdp_program(CPUMAP_PROGRAM);
    map.set(&0, CpuQueue::with_program(QUEUE, borrowed(&program))).unwrap();
    let shown = map.get(&0).unwrap().unwrap();
    assert_eq!(shown.size, QUEUE);
    assert!(shown.program.map(ProgramId::get).is_some_and(|id| id > 0));
    let plain = xdp_program(PLAIN_PROGRAM);
    let refused = map.set(&0, CpuQueue::with_program(QUEUE, borrowed(&plain)));
    let expected = if kernel() < (7, 0) { libc::ENOMEM } else { libc::EINVAL };
    assert_eq!(errno(refused), expected);
}

/// The kernel adds a flag of its own to devmaps. This does not count as a difference from the schema.
#[test]
fn maps_of_devices_open_again() {
    let map = create::<Ports>();
    assert!(map.info().unwrap().flags.contains(MapFlags::RDONLY_PROG));
    Map::<Ports>::from_map(&map).unwrap();
    Map::<PortsByIndex>::from_map(&create::<PortsByIndex>()).unwrap();
    Map::<Cpus>::from_map(&create::<Cpus>()).unwrap();
}

#[test]
fn an_xskmap_accepts_xdp_sockets_but_does_not_return_them() {
    let map = create::<Xsks>();
    let socket = xdp_socket(true);
    map.set(&0, &socket).unwrap();
    assert!(map.set_new(&0, &socket).unwrap(), "storing the same socket again is allowed");
    assert!(!map.set_new(&0, &xdp_socket(true)).unwrap());
    assert!(map.set_new(&1, &xdp_socket(true)).unwrap());
    assert_eq!(bare(&map, LOOKUP, Some(0), 0), libc::EOPNOTSUPP);
    assert_eq!(errno(map.set(&2, &socket)), libc::E2BIG);
    assert_eq!(errno(map.set(&0, &unbound_udp_socket())), libc::EOPNOTSUPP);
    match map.set(&0, &xdp_socket(false)) {
        Ok(()) => assert!(kernel() < (7, 1)),
        refused => {
            assert!(kernel() >= (7, 1));
            assert_eq!(errno(refused), libc::ENOBUFS);
        }
    }
    assert!(map.delete(&0).unwrap());
    assert!(map.delete(&0).unwrap(), "the kernel does not report that the slot was empty");
    assert_eq!(errno(map.delete(&2)), libc::EINVAL);
}

#[test]
fn a_sockmap_returns_a_cookie() {
    let map = create::<Peers>();
    let (client, server) = tcp_pair();
    assert!(map.set_new(&0, &client).unwrap());
    assert!(!map.set_new(&0, &server).unwrap());
    assert_eq!(map.get(&0).unwrap(), Some(SocketCookie::of(&client).unwrap()));
    assert_eq!(map.get(&1).unwrap(), None);
    assert_eq!(map.get(&2).unwrap(), None, "out of range");
    map.set(&0, &server).unwrap();
    assert_eq!(map.get(&0).unwrap(), Some(SocketCookie::of(&server).unwrap()));
    assert_eq!(errno(map.set(&2, &client)), libc::E2BIG);
    let file = std::fs::File::open("/dev/null").unwrap();
    assert_eq!(errno(map.set(&1, &file)), libc::ENOTSOCK);
    // Releases from Linux 6.16 to 7.0 accept an unbound UDP socket if they don't contain a later
    // fix.
    if let Err(refused) = map.set(&1, &unbound_udp_socket()) {
        assert_eq!(refused.errno(), Some(libc::EOPNOTSUPP));
    } else {
        assert!(((6, 16)..=(7, 0)).contains(&kernel()));
    }
    map.set(&1, &UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap();
    assert!(map.delete(&0).unwrap());
    assert!(!map.delete(&0).unwrap(), "EINVAL");
    assert!(!map.delete(&2).unwrap(), "EINVAL");
    map.clear().unwrap();
}

#[test]
fn a_sockmap_removes_a_closed_socket() {
    let map = create::<Peers>();
    let (client, _server) = tcp_pair();
    map.set(&0, &client).unwrap();
    drop(client);
    assert_eq!(map.get(&0).unwrap(), None);
}

/// The typed handle prevents this lookup, because `get` requires values that are large enough for a
/// cookie.
#[test]
fn a_sockmap_of_small_values_accepts_sockets_but_does_not_return_them() {
    let map = create::<PeersUnread>();
    let (client, _server) = tcp_pair();
    map.set(&0, &client).unwrap();
    assert_eq!(bare(&map, LOOKUP, Some(0), 0), libc::ENOSPC);
}

#[test]
fn a_sockhash_has_keys_of_any_kind() {
    let map = create::<Flows>();
    let (client, server) = tcp_pair();
    let cookie = |socket| Some(SocketCookie::of(socket).unwrap());
    assert!(map.set_new(&u64::MAX, &client).unwrap());
    assert!(!map.set_new(&u64::MAX, &server).unwrap());
    assert_eq!(map.get(&u64::MAX).unwrap(), cookie(&client));
    map.set(&u64::MAX, &server).unwrap();
    assert_eq!(map.get(&u64::MAX).unwrap(), cookie(&server));
    assert_eq!(map.get(&1).unwrap(), None);
    assert_eq!(errno(map.set(&1, &client)), libc::E2BIG, "full");
    assert_eq!(map.keys().collect::<Result<Vec<_>>>().unwrap(), [u64::MAX]);
    assert!(map.delete(&u64::MAX).unwrap());
    assert!(!map.delete(&u64::MAX).unwrap());
}

#[test]
fn a_reuseport_sockarray_returns_a_cookie() {
    let map = create::<Workers>();
    let socket = reuseport_socket();
    assert!(map.set_new(&0, &socket).unwrap());
    assert_eq!(map.get(&0).unwrap(), Some(SocketCookie::of(&socket).unwrap()));
    assert_eq!(map.get(&1).unwrap(), None);
    assert!(!map.set_new(&0, &reuseport_socket()).unwrap());
    assert_eq!(errno(map.set(&1, &socket)), libc::EBUSY, "the socket is already in a map");
    let plain = UdpSocket::bind("127.0.0.1:0").unwrap();
    assert_eq!(errno(map.set(&1, &plain)), libc::EINVAL, "no SO_REUSEPORT");
    assert_eq!(errno(map.set(&2, &reuseport_socket())), libc::E2BIG);
    assert!(map.delete(&0).unwrap());
    assert!(!map.delete(&0).unwrap());
    assert_eq!(errno(map.delete(&2)), libc::E2BIG);
}

/// These map types have no `set_new`, because their slots always count as present.
#[test]
fn slots_of_devices_are_always_present() {
    const NOEXIST: u64 = 1;
    assert_eq!(bare(&create::<Ports>(), UPDATE, Some(0), NOEXIST), libc::EEXIST);
    assert_eq!(bare(&create::<Cpus>(), UPDATE, Some(0), NOEXIST), libc::EEXIST);
}

#[test]
fn too_many_entries_are_refused() {
    fn refused<S: MapSpec>(max_entries: u32) -> i32 {
        crate::common::raise_memlock();
        errno(Map::<S>::options().max_entries(max_entries).create())
    }
    assert_eq!(refused::<Cpus>(1 << 20), libc::E2BIG);
    assert_eq!(refused::<PortsByIndex>((1 << 31) + 1), libc::EINVAL);
}

#[test]
fn the_objects_of_a_map_are_returned_slot_by_slot() {
    let map = create::<Ports>();
    map.set(&1, lo()).unwrap();
    let held = map.objects().collect::<Result<Vec<_>>>().unwrap();
    assert_eq!(held, [(1, lo())]);
    let map = create::<Flows>();
    let (client, _server) = tcp_pair();
    map.set(&3, &client).unwrap();
    let held = map.objects().collect::<Result<Vec<_>>>().unwrap();
    assert_eq!(held, [(3, SocketCookie::of(&client).unwrap())]);
}

fn borrowed(program: &OwnedFd) -> ProgramFd<'_> {
    ProgramFd::new(program.as_fd())
}

/// Linux keeps the requested `max_entries`, even if it rounds the number of buckets.
#[test]
fn max_entries_is_the_number_in_the_schema() {
    fn same<S: MapSpec>() {
        assert_eq!(Some(create::<S>().max_entries()), S::DEF.max_entries);
    }
    same::<Flows>();
    same::<PortsByIndex>();
    same::<Peers>();
}
