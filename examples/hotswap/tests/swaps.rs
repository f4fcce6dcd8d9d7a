//! Tables that are replaced while packets are filtered.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use bpfmap::{Be32, UpdateMode};
use hotswap::{Counts, Filter, Verdict, counts};

const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
const RULES: [(Ipv4Addr, Verdict); 2] = [(CLIENT, Verdict::Pass), (SERVER, Verdict::Pass)];

fn to_server(counts: &Counts) -> u64 {
    counts.iter().filter(|(address, _)| *address == SERVER).map(|(_, packets)| packets).sum()
}

#[test]
fn a_packet_is_filtered_by_the_table_in_use() {
    let filter = Filter::load().unwrap();
    let passes = || filter.send(CLIENT, SERVER, 1).unwrap();
    assert!(filter.current().unwrap().is_none());
    assert!(!passes(), "there is no table yet");
    assert_eq!(filter.replace(1, &RULES).unwrap(), []);
    assert!(passes());
    for rules in [
        [(CLIENT, Verdict::Drop), (SERVER, Verdict::Pass)],
        [(CLIENT, Verdict::Pass), (SERVER, Verdict::Drop)],
    ] {
        assert_eq!(to_server(&filter.replace(2, &rules).unwrap()), 1);
        assert!(!passes(), "{rules:?}");
    }
    assert_eq!(to_server(&filter.replace(3, &RULES[..1]).unwrap()), 1);
    assert!(!passes(), "there is no rule for the server");
    assert_eq!(filter.replace(4, &RULES).unwrap(), [(CLIENT, 0)]);
    assert!(passes());
    assert_eq!(filter.mixed().unwrap(), 0);
}

#[test]
fn replacing_the_table_under_traffic_mixes_and_loses_nothing() {
    const PACKETS: u32 = 50;
    let filter = Filter::load().unwrap();
    filter.replace(0, &RULES).unwrap();
    let swaps = AtomicU32::new(0);
    let mut old_tables = vec![];
    let sent = thread::scope(|scope| {
        let traffic = scope.spawn(|| {
            let mut sent = 0;
            // A busy machine may run this thread long before the other thread.
            while sent < 100 * PACKETS || swaps.load(Ordering::Acquire) < 3 {
                assert!(filter.send(CLIENT, SERVER, PACKETS).unwrap(), "no table was in use");
                sent += PACKETS;
            }
            sent
        });
        for generation in 1.. {
            // The old table is kept open to check whether it changes later.
            let old = filter.current().unwrap().unwrap();
            let counted = to_server(&filter.replace(generation, &RULES).unwrap());
            old_tables.push((old, counted));
            swaps.fetch_add(1, Ordering::Release);
            if traffic.is_finished() {
                break;
            }
        }
        traffic.join().unwrap()
    });
    assert_eq!(filter.mixed().unwrap(), 0, "a packet saw half of a table");
    let last = to_server(&filter.replace(0, &RULES).unwrap());
    let counted: u64 = old_tables.iter().map(|(_, counted)| counted).sum();
    assert_eq!(counted + last, u64::from(sent), "a packet was lost between two tables");
    for (table, counted) in &old_tables {
        assert_eq!(to_server(&counts(table).unwrap()), *counted, "an old table has changed");
    }
}

/// This is the mistake that the example avoids: rules are changed one by one in the table that is
/// in use.
#[test]
fn changing_rules_in_place_shows_half_of_a_table() {
    let filter = Filter::load().unwrap();
    filter.replace(1, &RULES).unwrap();
    let table = filter.current().unwrap().unwrap();
    for (address, _) in RULES {
        let key = Be32::from(address);
        let mut rule = table.lookup(&key).unwrap().unwrap();
        rule.generation = 2;
        table.update(&key, &rule, UpdateMode::Exist).unwrap();
        filter.send(CLIENT, SERVER, 1).unwrap();
    }
    assert_eq!(filter.mixed().unwrap(), 1, "the packet between the two updates");
}

#[test]
fn a_table_that_is_too_large_leaves_the_old_one_in_use() {
    let filter = Filter::load().unwrap();
    filter.replace(1, &RULES).unwrap();
    let too_many: Vec<_> =
        (0..1025).map(|address| (Ipv4Addr::from_bits(address), Verdict::Drop)).collect();
    let error = filter.replace(2, &too_many).unwrap_err();
    assert_eq!(error.kind(), bpfmap::ErrorKind::Full, "{error}");
    assert!(filter.send(CLIENT, SERVER, 1).unwrap());
}
