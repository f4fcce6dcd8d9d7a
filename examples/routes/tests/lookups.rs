//! Compares the lookups of the program and of user space with a search through the table.

use std::net::Ipv4Addr;

use bpfmap::{Be32, ErrorKind, KernelVersion, Map, UpdateMode, running_kernel};
use routes::maps::{Prefix, Routes};
use routes::{NextHop, Route, Router, parse};

/// Returns the table of this example.
fn table() -> Vec<Route> {
    parse(include_str!("../table.txt")).expect("each line is a route")
}

fn filled(table: &[Route]) -> Router {
    let mut router = Router::load().unwrap();
    for route in table {
        router.add(route).unwrap();
    }
    router
}

/// Finds the next hop without the kernel: the route with the longest prefix among the routes whose
/// network contains the address.
fn expected(table: &[Route], address: Ipv4Addr) -> Option<&NextHop> {
    let differs = |route: &Route| (route.network.to_bits() ^ address.to_bits()).leading_zeros();
    let matching = table.iter().filter(|route| differs(route) >= route.length);
    matching.max_by_key(|route| route.length).map(|route| &route.next_hop)
}

/// Returns addresses around the ends of each network, which would reveal a wrong prefix length.
fn addresses(table: &[Route]) -> Vec<Ipv4Addr> {
    let mut addresses = vec![];
    for route in table {
        let first = route.network.to_bits();
        let last = first | u32::MAX.checked_shr(route.length).unwrap_or(0);
        for address in [first.wrapping_sub(1), first, first | 1, last, last.wrapping_add(1)] {
            addresses.push(Ipv4Addr::from_bits(address));
        }
    }
    addresses
}

#[test]
fn both_sides_find_the_longest_prefix() {
    // The second table has no default route, so that some packets have no route.
    for table in [table(), table().split_off(1)] {
        let router = filled(&table);
        assert_eq!(router.len().unwrap(), table.len());
        let addresses = addresses(&table);
        for address in &addresses {
            let next_hop = expected(&table, *address);
            assert_eq!(router.lookup(*address).unwrap(), next_hop, "{address} from user space");
            assert_eq!(router.send(*address).unwrap(), next_hop.is_some(), "{address}");
        }
        for (next_hop, count) in router.counts().unwrap() {
            let sent = addresses.iter().filter(|address| expected(&table, **address) == next_hop);
            assert_eq!(count.packets, sent.count() as u64, "packets to {next_hop:?}");
        }
    }
}

#[test]
fn the_bytes_of_a_packet_are_counted() {
    let router = filled(&table());
    for _ in 0..3 {
        assert!(router.send(Ipv4Addr::new(203, 0, 113, 7)).unwrap());
    }
    let counts = router.counts().unwrap();
    let (_, count) = counts.iter().find(|(_, count)| count.packets > 0).unwrap();
    assert_eq!((count.packets, count.bytes), (3, 3 * 34));
}

#[test]
fn a_removed_route_gives_way_to_the_next_shorter_one() {
    let router = filled(&table());
    let address = Ipv4Addr::new(192, 168, 1, 1);
    let next_hop = || router.lookup(address).unwrap().map(ToString::to_string);
    assert_eq!(next_hop().unwrap(), "via 192.0.2.131 dev lan");
    assert!(router.remove(Ipv4Addr::new(192, 168, 1, 0), 24).unwrap());
    assert!(!router.remove(Ipv4Addr::new(192, 168, 1, 0), 24).unwrap());
    assert_eq!(next_hop().unwrap(), "via 192.0.2.5 dev core0");
    assert!(router.remove(Ipv4Addr::new(192, 168, 0, 0), 16).unwrap());
    assert_eq!(next_hop().unwrap(), "via 192.0.2.1 dev wan");
    assert!(router.remove(Ipv4Addr::UNSPECIFIED, 0).unwrap());
    assert_eq!(next_hop(), None);
}

#[test]
fn a_route_to_the_same_network_replaces_the_first_one() {
    let mut router = Router::load().unwrap();
    assert!(router.is_empty().unwrap());
    for (line, shown) in [("192.0.2.0/24 dev one", "dev one"), ("192.0.2.0/24 dev two", "dev two")]
    {
        router.add(&parse(line).unwrap()[0]).unwrap();
        let next_hop = router.lookup(Ipv4Addr::new(192, 0, 2, 9)).unwrap();
        assert_eq!(next_hop.unwrap().to_string(), shown);
    }
    assert_eq!(router.len().unwrap(), 1);
}

#[test]
fn a_next_hop_without_a_counter_is_refused() {
    let mut router = Router::load().unwrap();
    let route = |number: u32| {
        let next_hop = NextHop { gateway: None, interface: format!("port{number}") };
        Route { network: Ipv4Addr::from_bits(number << 8), length: 24, next_hop }
    };
    // Number 0 counts packets without a route.
    for number in 1..256 {
        router.add(&route(number)).unwrap();
    }
    let error = router.add(&route(256)).unwrap_err();
    assert_eq!(error.to_string(), "no counter is left for the next hop `dev port256`");
    assert_eq!(router.lookup(Ipv4Addr::from_bits(256 << 8)).unwrap(), None);
}

#[test]
fn a_full_table_refuses_a_new_route_and_replaces_an_old_one() {
    let _memory_for_maps = Router::load().unwrap();
    let routes = Map::<Routes>::options().max_entries(1).create().unwrap();
    let prefix = |address| Prefix { length: 24, address: Be32::new(address) };
    routes.update(&prefix(0x0a00_0000), &1, UpdateMode::Any).unwrap();
    let refused = routes.update(&prefix(0x0a00_0100), &2, UpdateMode::Any).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Full, "{refused}");
    match routes.update(&prefix(0x0a00_0000), &3, UpdateMode::Any) {
        Ok(()) => assert_eq!(routes.lookup(&prefix(0x0a00_0000)).unwrap(), Some(3)),
        // Linux 5.10 needs room for the new entry before it removes the old one.
        Err(refused) => {
            assert_eq!(refused.kind(), ErrorKind::Full, "{refused}");
            assert!(running_kernel().unwrap() < KernelVersion::new(6, 1), "{refused}");
            println!("vmtest:note refused.replace=ENOSPC, no longer from Linux 6.1");
        }
    }
}

#[test]
fn the_table_of_the_kernel_is_read() {
    let text = std::fs::read_to_string("/proc/net/route").unwrap();
    let table = parse(&text).unwrap();
    let router = filled(&table);
    assert_eq!(router.len().unwrap(), table.len());
    for route in &table {
        let next_hop = expected(&table, route.network);
        assert_eq!(router.lookup(route.network).unwrap(), next_hop, "{route:?}");
    }
}
