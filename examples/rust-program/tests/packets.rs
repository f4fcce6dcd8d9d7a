//! Real packets over the loopback interface, with each library that loads the program.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bpfmap::{Be16, BpfMap, BpfType, Map};
use rust_program::{Loaded, Loader, Maps, PacketCounter};
use rust_program_common::{LargePacket, Traffic};

/// How long the kernel may take to deliver a packet.
const PATIENCE: Duration = Duration::from_secs(10);
/// `ETH_P_IP` and `ETH_P_IPV6`, `include/uapi/linux/if_ether.h`.
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
/// The headers of Ethernet, IPv4 and UDP.
const HEADERS: usize = 14 + 20 + 8;

/// An interface takes one program at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ATTACHED: Mutex<()> = Mutex::new(());
    ATTACHED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn traffic(counter: &PacketCounter, protocol: u16) -> Traffic {
    let protocols = counter.protocols().unwrap();
    let found = protocols.into_iter().find(|(found, _)| found.get() == protocol);
    found.map_or(Traffic { packets: 0, bytes: 0 }, |(_, traffic)| traffic)
}

/// Sends a packet to `address`, and waits until the program has seen it.
fn send(counter: &PacketCounter, address: &str, protocol: u16, length: usize) {
    let before = traffic(counter, protocol).packets;
    let receiver = UdpSocket::bind((address, 0)).unwrap();
    let sender = UdpSocket::bind((address, 0)).unwrap();
    sender.send_to(&vec![0; length], receiver.local_addr().unwrap()).unwrap();
    let end = Instant::now() + PATIENCE;
    while traffic(counter, protocol).packets == before {
        assert!(Instant::now() < end, "{:?}", counter.protocols());
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn counts_packets(loader: Loader) {
    let _alone = alone();
    let counter = PacketCounter::attach("lo", loader).unwrap();
    for length in [0, 10, 100] {
        send(&counter, "127.0.0.1", IPV4, length);
    }
    send(&counter, "::1", IPV6, 10);
    let expected = Traffic { packets: 3, bytes: 3 * HEADERS as u64 + 110 };
    assert_eq!(traffic(&counter, IPV4), expected);
    // The kernel itself may send IPv6 packets.
    assert!(traffic(&counter, IPV6).packets >= 1);
    assert_eq!(counter.packets_from(Ipv4Addr::LOCALHOST).unwrap(), 3);
    assert_eq!(counter.packets_from(Ipv4Addr::new(127, 0, 0, 2)).unwrap(), 0);
}

fn reports_large_packets(loader: Loader) {
    let _alone = alone();
    let mut counter = PacketCounter::attach("lo", loader).unwrap();
    send(&counter, "127.0.0.1", IPV4, 1000);
    assert_eq!(counter.large_packets(|_| ()).unwrap(), 0, "no packets are reported at first");

    counter.report_from(Some(500)).unwrap();
    send(&counter, "127.0.0.1", IPV4, 10);
    send(&counter, "127.0.0.1", IPV4, 1000);
    let mut lengths = vec![];
    let handle = |packet: &LargePacket| {
        assert!(packet.time > 0);
        lengths.push((packet.protocol.get(), packet.length as usize));
    };
    counter.large_packets(handle).unwrap();
    assert_eq!(lengths, [(IPV4, 1000 + HEADERS)]);
}

#[test]
fn counts_packets_with_aya() {
    counts_packets(Loader::Aya);
}

#[test]
fn counts_packets_with_libbpf() {
    counts_packets(Loader::Libbpf);
}

#[test]
fn reports_large_packets_with_aya() {
    reports_large_packets(Loader::Aya);
}

#[test]
fn reports_large_packets_with_libbpf() {
    reports_large_packets(Loader::Libbpf);
}

/// A declaration that is not shared with the program, in which two members have changed places.
#[derive(Clone, Copy, Debug, BpfType)]
#[repr(C)]
#[bpf_type(name = "traffic")]
struct MovedTraffic {
    bytes: u64,
    packets: u64,
}

#[derive(Debug, BpfMap)]
#[bpf_map(percpu_hash, name = "protocols", max_entries = 1024)]
struct MovedProtocols {
    key: Be16,
    value: MovedTraffic,
}

#[derive(Clone, Copy, Debug, BpfType)]
#[repr(C)]
struct MovedPacket {
    time: u64,
    protocol: Be16,
    _pad: [u8; 2],
    length: u32,
}

#[derive(Debug, BpfMap)]
#[bpf_map(ringbuf, name = "large_packets", max_entries = 65_536)]
struct MovedPackets {
    event: MovedPacket,
}

/// The integer is not in network byte order.
#[derive(Debug, BpfMap)]
#[bpf_map(hash, name = "sources", max_entries = 10_240)]
struct HostSources {
    key: u32,
    value: u64,
}

#[test]
fn members_that_have_moved_on_one_side_are_found() {
    for loader in [Loader::Aya, Loader::Libbpf] {
        let object = Loaded::new(loader).unwrap();
        Maps::from_object(&object).unwrap();
        let message = Map::<MovedProtocols>::from_object(&object).unwrap_err().to_string();
        assert!(message.contains("value.bytes: offset 8, schema says 0"), "{message}");
        let message = Map::<MovedPackets>::from_object(&object).unwrap_err().to_string();
        assert!(message.contains("event.length: offset 8, schema says 12"), "{message}");
        let message = Map::<HostSources>::from_object(&object).unwrap_err().to_string();
        assert!(
            message.contains("key: network byte order, schema says host byte order"),
            "{message}"
        );
    }
}
