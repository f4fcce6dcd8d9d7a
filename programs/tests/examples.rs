//! Runs the same programs in C and in Rust with the same packets, and compares what they do.

use std::collections::BTreeSet;
use std::os::fd::AsFd as _;

use bpfmap_programs::EXAMPLES;
use libbpf_rs::{MapCore as _, MapFlags, Object, ObjectBuilder, ProgramInput};

/// The program that the kernel calls first, for each object that handles packets.
const ENTRIES: &[(&str, &str)] = &[
    ("packets", "count_packet"),
    ("ratelimit", "limit_rate"),
    ("routes", "route"),
    ("tailcalls", "parse_ethernet"),
];

fn load(object: &[u8]) -> Object {
    ObjectBuilder::default().open_memory(object).unwrap().load().unwrap()
}

/// Stores what the application of each example stores: settings, a route, and the parsers.
fn prepare(object: &Object) {
    let store = |name: &str, key: &[u8], value: &[u8]| {
        if let Some(map) = object.maps().find(|map| map.name() == name) {
            map.update(key, value, MapFlags::ANY).unwrap();
        }
    };
    if object.maps().any(|map| map.name() == "sources") {
        // Two packets in each window of a minute.
        let limit = [2_u64.to_ne_bytes(), 60_000_000_000_u64.to_ne_bytes()].concat();
        store("settings", &[0; 4], &limit);
    } else {
        // Every packet is large.
        store("settings", &[0; 4], &1_u32.to_ne_bytes());
    }
    store("routes", &[8, 0, 0, 0, 10, 0, 0, 0], &7_u32.to_ne_bytes());
    for (index, name) in (0_u32..).zip(["parse_ipv4", "parse_ipv6", "parse_tcp", "parse_udp"]) {
        if let Some(program) = object.progs_mut().find(|program| program.name() == name) {
            use std::os::fd::AsRawFd as _;
            let program = program.as_fd().as_raw_fd().to_ne_bytes();
            store("parsers", &index.to_ne_bytes(), &program);
        }
    }
}

/// Returns a packet with an Ethernet header, and these bytes after it.
fn packet(protocol: u16, rest: &[(usize, u8)]) -> Vec<u8> {
    let mut packet = vec![0; 14 + 40 + 20];
    packet[12..14].copy_from_slice(&protocol.to_be_bytes());
    for (offset, byte) in rest {
        packet[14 + offset] = *byte;
    }
    packet
}

fn packets() -> Vec<Vec<u8>> {
    let ipv4 = |protocol: u8, address: u8| {
        packet(
            0x0800,
            &[(0, 0x45), (9, protocol), (12, address), (16, address), (22, 1), (23, protocol)],
        )
    };
    let ipv6 = |next: u8| packet(0x86dd, &[(0, 0x60), (6, next), (8, 0xfd), (23, next), (43, 9)]);
    let mut packets = vec![packet(0x0806, &[])];
    for protocol in [1, 6, 17] {
        packets.extend([ipv4(protocol, 10), ipv4(protocol, 11), ipv6(protocol)]);
    }
    // Packets that are shorter than their headers say.
    packets.push(ipv4(6, 10)[..14 + 19].to_vec());
    packets.push(ipv4(6, 10)[..14 + 20].to_vec());
    packets.push(ipv6(17)[..14 + 39].to_vec());
    packets.push(ipv6(17)[..14].to_vec());
    // Another packet of each source, over the limit of the rate.
    packets.extend(packets.clone());
    packets
}

/// Returns what the program returned for each packet, and the keys of each map afterwards.
fn observe(object: &[u8], entry: &str) -> (Vec<u32>, BTreeSet<(String, Vec<u8>)>) {
    let object = load(object);
    prepare(&object);
    let program = object.progs_mut().find(|program| program.name() == entry).unwrap();
    let returned = packets()
        .iter()
        .map(|packet| {
            let input = ProgramInput { data_in: Some(packet), ..ProgramInput::default() };
            program.test_run(input).unwrap().return_value
        })
        .collect();
    // A compiler may put constants into a map, which libbpf names after the section `.rodata`.
    let is_declared = |name: &str| !name.contains(".rodata");
    let with_keys = object
        .maps()
        .filter(|map| map.key_size() > 0 && map.name().to_str().is_some_and(is_declared));
    let keys = with_keys.flat_map(|map| {
        let name = map.name().to_str().unwrap().to_owned();
        map.keys().map(|key| (name.clone(), key)).collect::<Vec<_>>()
    });
    (returned, keys.collect())
}

#[test]
fn programs_in_c_and_rust_do_the_same() {
    for (name, entry) in ENTRIES {
        let example = EXAMPLES.iter().find(|example| example.name == *name).unwrap();
        let (c, rust) = (observe(example.c, entry), observe(example.rust, entry));
        assert_eq!(c, rust, "{name}");
        assert!(c.1.len() > 2, "{name}: {:?}", c.1);
    }
}

#[test]
fn programs_in_rust_pass_the_verifier() {
    for example in EXAMPLES {
        assert!(load(example.rust).progs().next().is_some(), "{}", example.name);
    }
}
